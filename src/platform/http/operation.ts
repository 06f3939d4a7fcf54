// One route as clients see it: its input, its answers, and every problem that it may answer with.

import { z } from 'zod'
import { problemMediaType } from './problem.ts'
import { type ProblemCode, problems } from './problem-table.ts'
import { problemSchema } from './schemas/problem.ts'

/** The groups of the API. */
export const tags = {
  challenges: 'Ask a user, follow the question, read the signed outcome.',
  enrollments: 'Let a new device join a user.',
  users: 'Users, their identifiers and what happened to them.',
  passcodes: 'Codes that users type where there is no push.',
  devices: 'Registered devices, and unregistering lost ones.',
  portal: 'A user manages their devices in a browser.',
  integrations:
    'Doors for existing identity providers and login tools, set up here and called by them.',
  webhooks: 'Where a relying party receives events (Standard Webhooks).',
  administration: 'The tenant, its relying parties and their API keys.',
  'device API': 'What a device calls. Every call but the claim carries a `Device-Proof`.',
  operations: 'Health, metrics, keys and this description.',
} as const

export type Tag = keyof typeof tags

/** A successful answer. */
export type Answer = {
  readonly description: string
  readonly schema: z.ZodType
  readonly type?: string
}

export type Operation = {
  readonly operationId: string
  readonly tag: Tag
  readonly summary: string
  readonly description?: string
  readonly params?: z.ZodType
  readonly querystring?: z.ZodType
  readonly headers?: z.ZodType
  readonly body?: z.ZodType
  readonly answers: Readonly<Record<number, Answer>>
  /** Media types of the body; JSON by default. */
  readonly consumes?: readonly string[]
  /** Problems beyond those that every such route may answer with. */
  readonly refusals?: readonly ProblemCode[]
}

type RequestPart = 'params' | 'querystring' | 'headers' | 'body'

/**
 * What Fastify and the type provider need of an operation; the schemas of its input keep their
 * types.
 */
export type OperationSchema<O extends Operation> = Pick<O, Extract<keyof O, RequestPart>> & {
  readonly operationId: string
  readonly tags: readonly Tag[]
  readonly summary: string
  readonly description?: string
  readonly security: readonly Readonly<Record<string, readonly string[]>>[]
  readonly response: Readonly<Record<number, unknown>>
}

declare const declaration: unique symbol

/** The schema of an operation that keeps, for the compiler only, what the operation declares. */
export type DescribedOperation<
  O extends Operation,
  Guard extends ProblemCode,
> = OperationSchema<O> & {
  readonly [declaration]?: { readonly operation: O; readonly guard: Guard }
}

const noQuery = z.strictObject({})
const noContent = z.null()

const always = ['invalid_request', 'unavailable', 'internal'] as const satisfies ProblemCode[]

function answerResponse({ description, schema, type = 'application/json' }: Answer): unknown {
  if (schema === noContent) return schema.meta({ description })
  return { description, content: { [type]: { schema } } }
}

/** An answer without a body. */
export function nothing(description: string): Answer & { readonly schema: z.ZodNull } {
  return { description, schema: noContent }
}

function problemResponses(codes: readonly ProblemCode[]): Record<number, unknown> {
  const responses: Record<number, unknown> = {}
  const byStatus = Map.groupBy(new Set(codes), (code) => problems[code].status)
  for (const [status, group] of byStatus) {
    const lines = group.map((code) => `- \`${code}\`: ${problems[code].title}`)
    responses[status] = {
      description: lines.join('\n'),
      content: { [problemMediaType]: { schema: problemSchema } },
    }
  }
  return responses
}

/** Problems of every route whose method may carry a body, whether it takes one or not. */
export const bodyProblemResponses = problemResponses([
  'body_too_large',
  'unsupported_media_type',
  'request_timeout',
])

type ResponseDescription = { readonly description: string; readonly content: object }

/**
 * Clients of doors receive a denial in their own format, as well as the problems of the same
 * status.
 */
function mergeResponses(answer: unknown, problem: unknown): unknown {
  if (problem === undefined) return answer
  const [own, other] = [answer as ResponseDescription, problem as ResponseDescription]
  const description = `${own.description} Or a problem:\n\n${other.description}`
  return { description, content: { ...own.content, ...other.content } }
}

/**
 * Completes an operation with what its protection adds. A route that names no query members refuses
 * all of them.
 */
export function operationSchema<const O extends Operation, Guard extends ProblemCode = never>(
  operation: O,
  protection: {
    readonly security: readonly Readonly<Record<string, readonly string[]>>[]
    readonly refusals: readonly Guard[]
  },
): DescribedOperation<O, Guard> {
  const {
    operationId,
    tag,
    summary,
    description,
    answers,
    refusals = [],
    ...requestSchemas
  } = operation
  const codes: ProblemCode[] = [...refusals, ...protection.refusals, ...always]
  if (operation.params) codes.push('not_found')
  const problemsOf = problemResponses(codes)
  const answerResponses = Object.entries(answers).map(([status, answer]) => [
    status,
    mergeResponses(answerResponse(answer), problemsOf[Number(status)]),
  ])
  return {
    querystring: noQuery,
    ...requestSchemas,
    operationId,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    security: protection.security,
    response: { ...problemsOf, ...Object.fromEntries(answerResponses) },
  } as unknown as DescribedOperation<O, Guard>
}

/** An operation that everybody may call. */
export function publicOperation<const O extends Operation>(
  operation: O,
): { schema: DescribedOperation<O, never> } {
  return { schema: operationSchema(operation, { security: [], refusals: [] }) }
}
