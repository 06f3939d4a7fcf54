// How a route is added: its handler returns what the operation declares, a body or a refusal, and
// a refusal that the operation does not declare does not compile.

import type { FastifyReply, FastifyRequest, FastifySchema, RouteShorthandOptions } from 'fastify'
import type { z } from 'zod'
import { isRefusal, type Refusal, type RefusalCode } from '../../domain/refusal.ts'
import type { HttpApp } from './http-app.ts'
import type { DescribedOperation, Operation } from './operation.ts'
import { sendRefusal } from './problem.ts'
import type { ProblemCode } from './problem-table.ts'

type Part<O, Name extends string> = O extends { readonly [N in Name]: infer Schema }
  ? Schema extends z.ZodType
    ? z.output<Schema>
    : unknown
  : unknown

/** The request as its operation describes it. */
export type RequestOf<O extends Operation> = FastifyRequest<{
  Params: Part<O, 'params'>
  Querystring: Part<O, 'querystring'>
  Headers: Part<O, 'headers'>
  Body: Part<O, 'body'>
}>

/** A body that the operation answers with; undefined for an answer without one. */
export type AnswerOf<O extends Operation> = {
  [Status in keyof O['answers']]: O['answers'][Status] extends { readonly schema: infer Schema }
    ? Schema extends z.ZodType
      ? // A schema of unknown type would accept every refusal as a body.
        unknown extends z.output<Schema>
        ? never
        : z.output<Schema> extends null
          ? undefined
          : z.output<Schema>
      : never
    : never
}[keyof O['answers']]

/** Codes that the operation declares, `Guard` those of its protection. */
export type DeclaredCode<O extends Operation, Guard extends ProblemCode> =
  | Guard
  | 'invalid_request'
  | (O extends { readonly params: z.ZodType } ? 'not_found' : never)
  | (O extends { readonly refusals: readonly (infer Code)[] } ? Code : never)

type Result<O extends Operation, Guard extends ProblemCode> =
  | AnswerOf<O>
  | Refusal<Extract<DeclaredCode<O, Guard>, RefusalCode>>
  | FastifyReply

/** What a guard makes of an operation. */
export type Guarded<O extends Operation, Guard extends ProblemCode> = RouteShorthandOptions & {
  readonly schema: DescribedOperation<O, Guard>
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** The status of an answer, where there is only one. */
function onlyStatus({ response }: { readonly response: object }): number | undefined {
  const statuses = Object.keys(response).map(Number)
  const [status, ...more] = statuses.filter((one) => one < 400)
  return more.length === 0 ? status : undefined
}

/**
 * Adds a route. What its handler returns is sent with the one status that the operation declares;
 * a handler with several sets the status itself. A refusal becomes a problem document. A handler
 * that has sent its answer itself returns `reply`.
 */
export function route<const O extends Operation, Guard extends ProblemCode>(
  app: HttpApp,
  address: `${Method} /${string}`,
  operation: Guarded<O, Guard>,
  handler: (
    request: RequestOf<O>,
    reply: FastifyReply,
  ) => Result<O, NoInfer<Guard>> | Promise<Result<O, NoInfer<Guard>>>,
): void {
  const [method, url] = address.split(' ') as [Method, string]
  const status = onlyStatus(operation.schema)
  app.route({
    ...(operation as RouteShorthandOptions & { readonly schema: FastifySchema }),
    method,
    url,
    handler: async (request, reply) => {
      const result = await handler(request as unknown as RequestOf<O>, reply)
      if (result === reply) return reply
      if (isRefusal(result)) return sendRefusal(reply, result)
      if (status !== undefined) reply.code(status)
      return reply.send(result)
    },
  })
}
