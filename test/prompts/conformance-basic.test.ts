// Modules of the OpenID conformance suite (plans oidcc-basic, -formpost-basic and -config), written
// as tests: the suite cannot run here. What is missing: docs/integrations/openid-connect.md.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Client, conformanceClient, errorAt } from '../support/conformance.ts'
import { createClientKey } from '../support/oidc-client.ts'
import { type Provider, redirectUri, startProvider } from '../support/provider.ts'

const key = await createClientKey()
const bare = { clientAuthentication: 'client_secret_basic', bareLoginHintAllowed: true }
let provider: Provider
let client: Client
let as: ReturnType<typeof conformanceClient>
beforeAll(async () => {
  provider = await startProvider()
  client = await provider.createClient({ ...bare, jwks: [key.publicJwk] })
  as = conformanceClient(provider, client)
})
afterAll(() => provider[Symbol.asyncDispose]())

const read = async (path: string) => {
  const response = await fetch(`${provider.base}/${path}`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect.
  return (await response.json()) as any
}

describe('oidcc-discovery-endpoint-verification', () => {
  test('the document has what every provider must say, and all of it is so', async () => {
    const document = await read('.well-known/openid-configuration')
    expect(document.issuer).toBe(provider.base)
    for (const name of ['authorization', 'token', 'pushed_authorization_request']) {
      expect(new URL(document[`${name}_endpoint`]).search).toBe('')
      expect(document[`${name}_endpoint`].startsWith(`${provider.base}/`)).toBe(true)
    }
    expect(document).toMatchObject({
      jwks_uri: `${provider.base}/jwks`,
      scopes_supported: expect.arrayContaining(['openid']),
      response_types_supported: expect.arrayContaining(['code']),
      response_modes_supported: ['query', 'form_post'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: expect.arrayContaining(['RS256']),
      claims_parameter_supported: true,
      request_parameter_supported: true,
      request_uri_parameter_supported: false,
    })
    for (const absent of ['userinfo_endpoint', 'registration_endpoint', 'end_session_endpoint']) {
      expect(document).not.toHaveProperty(absent)
    }
  })

  test('the keys are public ones for signatures, each with a name of its own', async () => {
    const { keys } = await read('jwks')
    expect(new Set(keys.map(({ kid }: { kid: string }) => kid)).size).toBe(keys.length)
    for (const { use, kty, ...members } of keys) {
      expect([use, ['RSA', 'EC'].includes(kty)]).toEqual(['sig', true])
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) {
        expect(members).not.toHaveProperty(secret)
      }
    }
  })
})

describe('a request that succeeds', () => {
  test('oidcc-server: code, and an ID token of this client, person and nonce', async () => {
    const { iss, aud, sub, nonce, exp = 0, iat = 0 } = await as.signIn()
    expect({ iss, aud, sub, nonce }).toEqual({
      ...{ iss: provider.base, aud: client.id, sub: 'ada', nonce: 'n-1' },
    })
    expect(exp).toBeGreaterThan(iat)
  })

  test('oidcc-ensure-request-without-nonce-succeeds-for-code-flow', async () => {
    expect(await as.signIn({ nonce: undefined })).not.toHaveProperty('nonce')
  })

  test.for([
    ['oidcc-scope-profile', 'openid profile'],
    ['oidcc-scope-all', 'openid profile email address phone'],
    ['oidcc-ensure-other-scope-order-succeeds', 'email openid'],
    ['oidcc-refresh-token: offline_access gives none', 'openid offline_access'],
  ] as const)('%s: another scope beside openid is ignored', async ([, scope]) => {
    const { json } = await as.exchange(await as.approve(await as.lead({ scope })))
    expect(Object.keys(json).toSorted()).toEqual([
      ...['access_token', 'expires_in', 'id_token', 'token_type'],
    ])
  })

  test.for([
    ['oidcc-display-page', { display: 'page' }],
    ['oidcc-display-popup', { display: 'popup' }],
    ['oidcc-ensure-request-with-unknown-parameter-succeeds', { extra: 'foobar' }],
    ['oidcc-claims-locales', { claims_locales: 'se' }],
    ['oidcc-login-hint', { login_hint: 'ada' }],
    ['oidcc-ensure-request-with-valid-pkce-succeeds', {}],
    ['fapi: a request without state', { state: undefined }],
    ['fapi: a long state', { state: 's'.repeat(1024) }],
    ['fapi: a long nonce', { nonce: 'n'.repeat(384) }],
    ['fapi: resources and audiences of others', { resource: 'https://api.example', audience: 'x' }],
  ] as const)('%s', async ([, more]) => {
    expect((await as.signIn(more)).sub).toBe('ada')
  })

  test('oidcc-ui-locales: the page is in the language that is asked for', async () => {
    const { promptId } = await as.lead({ ui_locales: 'se nl-NL' })
    expect((await provider.prompt(promptId))?.language).toBe('nl')
  })

  test('oidcc-ensure-post-request-succeeds', async () => {
    const led = await provider.bring(as.request())
    expect((await as.claimsOf(await as.exchange(await as.approve(led)))).sub).toBe('ada')
  })

  test('oidcc-formpost-basic: the answer is posted to the registered address', async () => {
    const led = await as.lead({ response_mode: 'form_post' })
    const { to, parameters } = await provider.end(led)
    expect(to).toEqual({ redirectUri, responseMode: 'form_post', state: 's-1' })
    expect((await as.exchange(String(parameters.code))).status).toBe(200)
  })
})

describe('how, and how long ago, the person was verified', () => {
  test('oidcc-prompt-login: the person is asked again, and auth_time is of now', async () => {
    const [first, second] = [await as.signIn(), await as.signIn({ prompt: 'login' })]
    expect(second.auth_time).toBeGreaterThanOrEqual(Number(first.auth_time))
    const { promptId } = await as.lead({ prompt: 'login' })
    expect((await provider.prompt(promptId))?.outcome).toBeNull()
  })

  test.for(['none', 'none login'])(
    'oidcc-prompt-none-logged-in, -not-logged-in: %s',
    async (prompt) => {
      await as.signIn()
      const error = errorAt(await as.lead({ prompt }))
      expect(error).toBe(prompt === 'none' ? 'login_required' : 'invalid_request')
    },
  )

  test.for(['0', '1', '10000'])('oidcc-max-age-%s: auth_time is within it', async (max_age) => {
    const { auth_time } = await as.signIn({ max_age })
    expect(Math.abs(Number(auth_time) - Date.now() / 1000)).toBeLessThan(60)
  })

  test('oidcc-ensure-request-with-acr-values-succeeds: with one that is true, or without', async () => {
    expect((await as.signIn({ acr_values: '1 possession' })).acr).toBe('possession')
    expect(await as.signIn({ acr_values: '1 2' })).not.toHaveProperty('acr')
  })

  const askFor = (idToken: object) => ({ claims: JSON.stringify({ id_token: idToken }) })

  test('oidcc-claims-essential: an essential claim is answered, or left out where it is none of ours', async () => {
    const essential = { essential: true }
    const claims = await as.signIn(askFor({ auth_time: essential, name: essential }))
    expect(claims).toMatchObject({ auth_time: expect.any(Number) })
    expect(claims).not.toHaveProperty('name')
    expect((await as.signIn(askFor({ acr: essential }))).acr).toBe('possession')
  })

  test('Core 5.5.1.1: an acr that is wished for may be missing, an essential one may not', async () => {
    const values = ['urn:mace:incommon:iap:silver']
    expect(await as.signIn(askFor({ acr: { values } }))).not.toHaveProperty('acr')
    expect(errorAt(await as.lead(askFor({ acr: { essential: true, values } })))).toBe(
      'unmet_authentication_requirements',
    )
  })

  test('Core 3.1.2.2: nobody but the person whom claims name is the answer', async () => {
    expect((await as.signIn(askFor({ sub: { value: 'ada' } }))).sub).toBe('ada')
    expect(errorAt(await as.lead(askFor({ sub: { value: 'mallory' } })))).toBe('login_required')
  })

  test('oidcc-id-token-hint: the person of the hint, or nobody', async () => {
    const { json } = await as.exchange(await as.approve(await as.lead()))
    const id_token_hint = json.id_token as string
    expect((await as.signIn({ id_token_hint })).sub).toBe('ada')
    for (const more of [{ id_token_hint, login_hint: 'mallory' }, { id_token_hint: 'x.y.z' }]) {
      expect(errorAt(await as.lead(more))).toBe('login_required')
    }
  })
})

describe('a request that fails', () => {
  test('oidcc-response-type-missing: the client learns it', async () => {
    expect(errorAt(await as.lead({ response_type: undefined }))).toBe('invalid_request')
  })

  test.for([
    ['oidcc-ensure-registered-redirect-uri', 'https://unregistered.example/callback'],
    ['oidcc-redirect-uri-query-mismatch', 'https://client.example/callback?from=them'],
    ['oidcc-redirect-uri-query-added', `${redirectUri}&a=b`],
    ['oidcc-redirect-uri-regfrag', `${redirectUri}#fragment`],
    ['oidcc-ensure-redirect-uri-in-authorization-request', undefined],
  ] as const)('%s: a page of ours, and no way anywhere', async ([, redirect_uri]) => {
    const led = await as.lead({ redirect_uri })
    expect(led).toMatchObject({ status: 400, location: null, posts: null, secret: null })
  })

  test('oidcc-redirect-uri-query-OK: the query of a registered address stays', async () => {
    const { location } = await as.lead({ prompt: 'none' })
    expect(new URL(location ?? '').searchParams.get('from')).toBe('us')
  })

  test('oidcc-codereuse, oidcc-codereuse-30seconds: a code counts once', async () => {
    const code = await as.approve(await as.lead())
    expect((await as.exchange(code)).status).toBe(200)
    const again = await as.exchange(code)
    expect([again.status, again.json.error]).toEqual([400, 'invalid_grant'])
  })
})

describe('request objects', () => {
  test('oidcc-request-object-signed: its parameters count alone', async () => {
    const led = await provider.follow(await as.signedRequest(key, { nonce: 'n-2' }))
    const claims = await as.claimsOf(await as.exchange(await as.approve(led)))
    expect(claims).toMatchObject({ sub: 'ada', nonce: 'n-2' })
  })

  test('oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const request = `${part({ alg: 'none' })}.${part(as.request())}.`
    expect(errorAt(await as.lead({ request }))).toBe('invalid_request_object')
  })

  test('oidcc-ensure-request-object-with-redirect-uri: the one inside counts', async () => {
    const parts = await as.signedRequest(key, { redirect_uri: 'https://unregistered.example/' })
    expect(await provider.follow(parts)).toMatchObject({ status: 400, location: null })
  })
})

describe('client authentication', () => {
  test.for(['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const)(
    'oidcc-server with %s',
    async (clientAuthentication) => {
      const other = await provider.createClient({
        ...{ ...bare, clientAuthentication, jwks: [key.publicJwk] },
      })
      const by = conformanceClient(provider, other)
      const code = await by.approve(await by.lead())
      const parts = {
        client_secret_basic: {},
        client_secret_post: { client_id: other.id, client_secret: other.secret },
        private_key_jwt: await by.assertion(key),
      }[clientAuthentication]
      const header = clientAuthentication === 'client_secret_basic' ? by.header : {}
      expect((await by.claimsOf(await by.exchange(code, parts, header))).sub).toBe('ada')
    },
  )

  test('a refused client learns by which scheme to come (RFC 6749, 5.2)', async () => {
    const code = await as.approve(await as.lead())
    const { status, json, headers } = await as.exchange(code, {}, { authorization: 'Basic eDp5' })
    expect([status, json.error]).toEqual([401, 'invalid_client'])
    expect(headers.get('www-authenticate')).toMatch(/^Basic /)
  })
})
