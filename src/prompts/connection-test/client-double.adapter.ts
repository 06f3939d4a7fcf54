// A client of the code flow as far as a test of a connection needs it, and how any client reads an
// ID token.

import { randomUUID } from 'node:crypto'
import type { JSONWebKeySet } from 'jose'
import { createLocalJWKSet } from 'jose/jwks/local'
import { SignJWT } from 'jose/jwt/sign'
import { jwtVerify } from 'jose/jwt/verify'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { isAnswer } from '../../domain/connection-test.ts'
import type { ClientDouble, TokenCheck } from './connection-test.store.ts'

const lifetimeSeconds = 60

/** A double for one test; its key is held by what is returned alone. */
export async function createClientDouble(): Promise<ClientDouble> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const kid = randomUUID()
  const { kty = '', crv = '', x = '', y = '' } = await exportJWK(publicKey)
  return {
    publicJwk: { kty, crv, x, y, kid },
    async assertion({ clientId, issuer, now }) {
      const exp = Math.floor(now.getTime() / 1000) + lifetimeSeconds
      const claims = { iss: clientId, sub: clientId, aud: issuer, jti: randomUUID(), exp }
      return {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await new SignJWT(claims)
          .setProtectedHeader({ alg: 'ES256', kid })
          .sign(privateKey),
      }
    },
  }
}

/** Whether a client takes the token: OpenID Connect Core, 3.1.3.7, and what Entra adds. */
export async function isTokenValid(check: TokenCheck): Promise<boolean> {
  const { token, keys, algorithm, issuer, at, expectations } = check
  try {
    const keySet = createLocalJWKSet({ keys } as unknown as JSONWebKeySet)
    const { payload } = await jwtVerify(token, keySet, {
      algorithms: [algorithm],
      ...{ issuer, audience: expectations.clientId, currentDate: at },
      requiredClaims: ['iss', 'aud', 'exp', 'iat', 'sub', 'nonce'],
    })
    return isAnswer(payload, expectations)
  } catch {
    return false
  }
}
