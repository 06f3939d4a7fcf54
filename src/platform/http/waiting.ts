import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AccessCheck } from '../../challenges/read-challenge.ts'
import { isRefusal } from '../../domain/refusal.ts'
import type { UseCases } from '../../service/use-cases.ts'
import type { ApiKeyRefusal } from '../../tenants/authenticate-api-key.ts'
import { queryNumber } from './schemas/paging.ts'

const waitSecondsMax = 30

/** The query member by which a caller waits for a change instead of polling in a loop. */
export const wait = queryNumber(
  0,
  waitSecondsMax,
  `Seconds to wait for the change before answering, up to ${waitSecondsMax}.`,
)

/** Whether the caller has disconnected, so that nothing waits in vain. */
export function isDisconnectedOf(reply: FastifyReply): () => boolean {
  return () => reply.raw.destroyed
}

/**
 * Verifies the key of a waiting request again: it may have been revoked, or have expired, since the
 * request came in.
 */
export function stillAllowedOf(
  { authenticateApiKey }: Pick<UseCases, 'authenticateApiKey'>,
  request: FastifyRequest,
): AccessCheck<ApiKeyRefusal> {
  return async () => {
    const principal = await authenticateApiKey(request.headers.authorization, request.ip)
    return isRefusal(principal) ? principal : undefined
  }
}
