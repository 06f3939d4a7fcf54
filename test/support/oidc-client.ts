// Keys and tokens of a client of OpenID Connect.

import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose'

/** A key of a client, with its public half as an integration takes it. */
export async function createClientKey(kid = 'k1', alg = 'ES256') {
  const { publicKey, privateKey } = await generateKeyPair(alg)
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid } }
}

export type ClientKey = Awaited<ReturnType<typeof createClientKey>>

/** Signs claims that are valid for a minute from now, unless they say otherwise. */
export function signAsClient(
  { kid, alg, privateKey }: ClientKey,
  claims: Readonly<Record<string, unknown>>,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + 60
  return new SignJWT({ exp, ...claims })
    .setProtectedHeader({ alg, kid, ...header })
    .sign(privateKey)
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** What authenticates a client by `private_key_jwt` at this issuer. */
export async function assertionOf(
  key: ClientKey,
  clientId: string,
  issuer: string,
  claims: Readonly<Record<string, unknown>> = {},
  header: Partial<JWTHeaderParameters> = {},
) {
  const own = { iss: clientId, sub: clientId, aud: issuer, jti: randomUUID() }
  return {
    client_assertion_type: assertionType,
    client_assertion: await signAsClient(key, { ...own, ...claims }, header),
  }
}

/** The header of HTTP Basic for a client (RFC 6749, 2.3.1). */
export function basicOf(clientId: string, secret: string) {
  const text = `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` }
}
