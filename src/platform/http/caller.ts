import type { FastifyInstance, FastifyRequest } from 'fastify'

const decorator = 'caller'

/** Ids of a caller, for the log line of its request; never a secret. */
export type Caller = Readonly<Record<string, string>>

/** Prepares requests to carry the ids of their caller. */
export function carryCallers(app: FastifyInstance): void {
  app.decorateRequest(decorator, null)
}

/** Names the caller of a request, once a guard knows it. */
export function nameCaller(request: FastifyRequest, caller: Caller): void {
  request.setDecorator(decorator, caller)
}

/** The ids of the caller; none on a request that no guard has let in. */
export function callerOf(request: FastifyRequest): Caller {
  return request.getDecorator<Caller | null>(decorator) ?? {}
}
