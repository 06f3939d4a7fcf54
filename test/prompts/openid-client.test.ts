// npm openid-client, unmodified, against the provider.

import { generateKeyPair } from 'jose'
import * as oidc from 'openid-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { IntegrationId } from '../../src/domain/ids.ts'
import { createClientKey } from '../support/oidc-client.ts'
import { type Provider, startProvider } from '../support/provider.ts'

// The library strips the query of the address that it was called at.
const redirectUri = 'https://client.example/plain'
const redirectUris = [redirectUri]
const key = await createClientKey()
let provider: Provider

beforeAll(async () => {
  provider = await startProvider()
})
afterAll(() => provider[Symbol.asyncDispose]())

const discover = (id: IntegrationId, authentication: oidc.ClientAuth, metadata: object = {}) =>
  oidc.discovery(new URL(provider.base), id, metadata, authentication, {
    execute: [oidc.allowInsecureRequests],
  })

/** A sign-in whose browser carries everything as it should. */
async function signIn(
  config: oidc.Configuration,
  lead: (parameters: Record<string, string>) => Promise<URL>,
) {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  const [expectedState, expectedNonce] = [oidc.randomState(), oidc.randomNonce()]
  const url = await lead({
    redirect_uri: redirectUri,
    scope: 'openid',
    state: expectedState,
    nonce: expectedNonce,
    login_hint: 'ada',
    max_age: '60',
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  })
  expect(`${url.origin}${url.pathname}`).toBe(`${provider.base}/authorize`)
  const { to, parameters } = await provider.end(await provider.follow(url.search))
  const back = new URL(to.redirectUri)
  for (const [name, value] of Object.entries({ ...parameters, state: to.state ?? '' })) {
    back.searchParams.set(name, value)
  }
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }
  const tokens = await oidc.authorizationCodeGrant(config, back, { ...checks, maxAge: 60 })
  return tokens.claims()
}

test('a client that pushes its requests, by a signed assertion', async () => {
  const { id } = await provider.createClient({ redirectUris, jwks: [key.publicJwk] })
  const config = await discover(id, oidc.PrivateKeyJwt({ key: key.privateKey, kid: key.kid }))
  const claims = await signIn(config, (parameters) =>
    oidc.buildAuthorizationUrlWithPAR(config, parameters),
  )
  expect(claims).toMatchObject({ sub: 'ada', aud: id, amr: ['hwk'] })
})

test.for([
  ['client_secret_basic', oidc.ClientSecretBasic],
  ['client_secret_post', oidc.ClientSecretPost],
] as const)('a client that pushes its requests, by %s', async ([way, authenticate]) => {
  const { id, secret } = await provider.createClient({ redirectUris, clientAuthentication: way })
  const config = await discover(id, authenticate(secret))
  const claims = await signIn(config, (parameters) =>
    oidc.buildAuthorizationUrlWithPAR(config, parameters),
  )
  expect(claims?.sub).toBe('ada')
})

test('a client that signs its requests', async () => {
  const { id, secret } = await provider.createClient({
    redirectUris,
    clientAuthentication: 'client_secret_basic',
    jwks: [key.publicJwk],
  })
  const config = await discover(id, oidc.ClientSecretBasic(secret))
  const signer = { key: key.privateKey, kid: key.kid }
  const claims = await signIn(config, (parameters) =>
    oidc.buildAuthorizationUrlWithJAR(config, parameters, signer),
  )
  expect(claims?.sub).toBe('ada')
})

test('a client that names the person in the address, where that is permitted', async () => {
  const { id, secret } = await provider.createClient({
    redirectUris,
    clientAuthentication: 'client_secret_basic',
    bareLoginHintAllowed: true,
    idTokenAlgorithm: 'ES256',
  })
  const metadata = { id_token_signed_response_alg: 'ES256' }
  const config = await discover(id, oidc.ClientSecretBasic(secret), metadata)
  const claims = await signIn(config, async (parameters) =>
    oidc.buildAuthorizationUrl(config, parameters),
  )
  expect(claims?.sub).toBe('ada')
})

test('a client whose key is another is refused', async () => {
  const { id } = await provider.createClient({ redirectUris, jwks: [key.publicJwk] })
  const { privateKey } = await generateKeyPair('ES256')
  const config = await discover(id, oidc.PrivateKeyJwt({ key: privateKey, kid: key.kid }))
  const parameters = { redirect_uri: redirectUri, scope: 'openid' }
  await expect(oidc.buildAuthorizationUrlWithPAR(config, parameters)).rejects.toMatchObject({
    error: 'invalid_client',
  })
})

test('a client refuses an answer of another issuer, or of none (RFC 9207)', async () => {
  const { id, secret } = await provider.createClient({
    ...{ redirectUris, clientAuthentication: 'client_secret_basic' },
  })
  const config = await discover(id, oidc.ClientSecretBasic(secret))
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  for (const iss of ['https://evil.example', `${provider.base}/`, null]) {
    const url = await oidc.buildAuthorizationUrlWithPAR(config, {
      ...{ redirect_uri: redirectUri, scope: 'openid', login_hint: 'ada', state: 's' },
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    })
    const { parameters } = await provider.end(await provider.follow(url.search))
    expect(parameters.iss).toBe(provider.base)
    const back = new URL(redirectUri)
    back.searchParams.set('code', parameters.code ?? '')
    back.searchParams.set('state', 's')
    if (iss !== null) back.searchParams.set('iss', iss)
    const checks = { pkceCodeVerifier, expectedState: 's' }
    await expect(oidc.authorizationCodeGrant(config, back, checks)).rejects.toThrow()
  }
})
