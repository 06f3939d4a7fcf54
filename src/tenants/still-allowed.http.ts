import type { FastifyRequest } from 'fastify'
import { isRefusal } from '../domain/refusal.ts'
import type { AccessCheck } from '../platform/access-check.ts'
import type { Bound } from '../platform/bound.ts'
import type { ApiKeyRefusal } from './authenticate-api-key.ts'
import type * as useCases from './use-cases.ts'

type UseCases = Bound<typeof useCases>

/**
 * Verifies the key of a waiting request again: it may have been revoked, or have expired, since the
 * request came in.
 */
export function stillAllowedOf(
  { authenticateApiKey }: Pick<UseCases, 'authenticateApiKey'>,
  request: FastifyRequest,
): AccessCheck<ApiKeyRefusal> {
  return async () => {
    const { headers, ip } = request
    const principal = await authenticateApiKey(headers.authorization, ip, 'within_a_second')
    return isRefusal(principal) ? principal : undefined
  }
}
