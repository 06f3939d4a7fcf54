// What a module of the OpenID conformance suite does as a client, in few words.

import { createRemoteJWKSet, jwtVerify } from 'jose'
import { expect } from 'vitest'
import type { IntegrationId } from '../../src/domain/ids.ts'
import { assertionOf, basicOf, type ClientKey, signAsClient } from './oidc-client.ts'
import { type Led, type Parameters, type Provider, pkce, redirectUri } from './provider.ts'

export type Client = { readonly id: IntegrationId; readonly secret: string }
type More = Readonly<Record<string, string | undefined>>

/** A client of this provider, as a module drives it. */
export function conformanceClient(provider: Provider, client: Client) {
  const { verifier, code_challenge, code_challenge_method } = pkce()
  const header = basicOf(client.id, client.secret)

  /** A complete request; undefined leaves a parameter out. */
  function request(more: More = {}): Parameters {
    const parameters = {
      ...{ client_id: client.id, scope: 'openid', response_type: 'code' },
      ...{ redirect_uri: redirectUri, state: 's-1', nonce: 'n-1', login_hint: 'ada' },
      ...{ code_challenge, code_challenge_method },
      ...more,
    }
    const members = Object.entries(parameters).filter(([, value]) => value !== undefined)
    return Object.fromEntries(members) as Parameters
  }

  const exchange = (code: string, more: Parameters = {}, by: Parameters = header) =>
    provider.call(
      'token',
      {
        ...{ grant_type: 'authorization_code', redirect_uri: redirectUri, code },
        ...{ code_verifier: verifier, ...more },
      },
      by,
    )

  /** The code that an approval of the person gives. */
  async function approve(led: Led): Promise<string> {
    const { parameters, to } = await provider.end(led)
    expect(to.redirectUri).toBe(redirectUri)
    expect(parameters).toMatchObject({ iss: provider.base, code: expect.any(String) })
    return String(parameters.code)
  }

  /** The claims of the ID token, verified as a client does. */
  async function claimsOf({ status, json }: Awaited<ReturnType<typeof exchange>>) {
    expect(status).toBe(200)
    const keys = createRemoteJWKSet(new URL(`${provider.base}/jwks`))
    const checks = { issuer: provider.base, audience: client.id, algorithms: ['RS256'] }
    const { payload } = await jwtVerify(json.id_token, keys, checks)
    return payload
  }

  return {
    ...{ request, exchange, approve, claimsOf, header },
    lead: (more: More = {}) => provider.follow(request(more)),
    /** From the request to the claims of the ID token. */
    signIn: async (more: More = {}) =>
      claimsOf(await exchange(await approve(await provider.follow(request(more))))),
    push: (more: More = {}, by: Parameters = header) => provider.call('par', request(more), by),
    pushedUri: async (more: More = {}) => {
      const { json } = await provider.call('par', request(more), header)
      return json.request_uri as string
    },
    /** A request object, as the address brings it. */
    signedRequest: async (key: ClientKey, claims: Readonly<Record<string, unknown>> = {}) => ({
      ...{ client_id: client.id, redirect_uri: redirectUri },
      request: await signAsClient(key, {
        ...{ iss: client.id, aud: provider.base, ...request(), ...claims },
      }),
    }),
    assertion: (key: ClientKey, claims: Readonly<Record<string, unknown>> = {}) =>
      assertionOf(key, client.id, provider.base, claims),
  }
}

/** The error that the client learns by its own address, with the state. */
export function errorAt({ status, location, secret }: Led): string | null {
  expect({ status, secret }).toEqual({ status: 303, secret: null })
  const { href, searchParams } = new URL(location ?? '')
  expect(href.startsWith(`${redirectUri}&`)).toBe(true)
  return searchParams.get('error')
}
