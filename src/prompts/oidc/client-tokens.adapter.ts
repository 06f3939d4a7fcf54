// Tokens that clients of OpenID Connect sign: assertions (RFC 7523) and requests (RFC 9101).

import type { JWK } from 'jose'
import { createLocalJWKSet } from 'jose/jwks/local'
import { jwtVerify } from 'jose/jwt/verify'
import { clientAlgorithms } from '../../domain/prompt-settings.ts'
import type { Clock } from '../../platform/world.ts'
import type { ClientTokens } from './client.store.ts'

const lengthMax = 16_384
/** How far the clock of a client may be off, either way. */
const toleranceSeconds = 60
const lifetimeSecondsMax = 10 * 60

/** Verifies with the keys that the integration lists, and with no other. */
export function buildClientTokens(clock: Clock): ClientTokens {
  return {
    async verify(token, { id, jwks, audiences }) {
      if (token.length > lengthMax || jwks.length === 0) return 'refused'
      const now = clock.now()
      try {
        const keys = createLocalJWKSet({ keys: jwks as unknown as JWK[] })
        const { payload } = await jwtVerify(token, keys, {
          algorithms: [...clientAlgorithms],
          issuer: id,
          audience: [...audiences],
          clockTolerance: toleranceSeconds,
          currentDate: now,
          requiredClaims: ['exp'],
        })
        const leftSeconds = (payload.exp ?? Number.POSITIVE_INFINITY) - now.getTime() / 1000
        // Not `>`: what is no number counts as too long.
        return leftSeconds <= lifetimeSecondsMax + toleranceSeconds ? payload : 'refused'
      } catch {
        return 'refused'
      }
    },
  }
}
