// Modules of the OpenID conformance suite about PKCE, pushed requests and assertions (plan
// fapi2-security-profile), as far as they apply to a client that holds no access token.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Client, conformanceClient, errorAt } from '../support/conformance.ts'
import { createClientKey } from '../support/oidc-client.ts'
import { type Provider, pkce, startProvider } from '../support/provider.ts'

const key = await createClientKey()
let provider: Provider
let client: Client
let as: ReturnType<typeof conformanceClient>
let other: ReturnType<typeof conformanceClient>
beforeAll(async () => {
  provider = await startProvider()
  const settings = { clientAuthentication: 'client_secret_basic', jwks: [key.publicJwk] }
  client = await provider.createClient(settings)
  as = conformanceClient(provider, client)
  other = conformanceClient(provider, await provider.createClient(settings))
})
afterAll(() => provider[Symbol.asyncDispose]())

const follow = async (more: Parameters<typeof as.pushedUri>[0] = {}) =>
  provider.follow({ client_id: client.id, request_uri: await as.pushedUri(more) })

describe('pushed requests', () => {
  test('happy-flow, par-without-duplicate-parameters: client and reference are enough', async () => {
    const code = await as.approve(await follow())
    expect((await as.claimsOf(await as.exchange(code))).sub).toBe('ada')
  })

  test('ensure-unsigned-authorization-request-without-using-par-fails', async () => {
    expect(errorAt(await as.lead())).toBe('invalid_request')
  })

  test('par-attempt-reuse-request_uri: the second browser gets no answer', async () => {
    const request_uri = await as.pushedUri()
    const parts = { client_id: client.id, request_uri }
    const first = await provider.follow(parts)
    await as.approve(first)
    const second = await provider.follow(parts)
    expect(second).toMatchObject({ location: first.location, secret: null })
    const page = await fetch(`${provider.origin}${second.location}`)
    expect(page.status).toBe(404)
  })

  test('par-ensure-reused-request-uri-prior-to-auth-completion-succeeds', async () => {
    const request_uri = await as.pushedUri()
    const parts = { client_id: client.id, request_uri }
    const [first, again] = [await provider.follow(parts), await provider.follow(parts)]
    expect(again.location).toBe(first.location)
    expect(await as.approve(first)).toEqual(expect.any(String))
  })

  test('par-attempt-to-use-expired-request_uri', async () => {
    const request_uri = await as.pushedUri()
    await provider.sql(`update pushed_requests set expires_at = now() - interval '1 second'`)
    const led = await provider.follow({ ...as.request(), request_uri })
    expect(errorAt(led)).toBe('invalid_request_uri')
  })

  test('par-attempt-to-use-request_uri-for-different-client', async () => {
    const led = await provider.follow({ ...other.request(), request_uri: await as.pushedUri() })
    expect(errorAt(led)).toBe('invalid_request_uri')
  })

  test('par-authorization-request-containing-request_uri-form-param', async () => {
    const { status, json } = await as.push({ request_uri: 'urn:example:x' })
    expect([status, json.error]).toEqual([400, 'invalid_request'])
  })

  test('par-attempt-invalid-http-method', async () => {
    const statuses = []
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await fetch(`${provider.base}/par`, { method, headers: as.header })
      statuses.push(answer.status)
    }
    expect(statuses).toEqual([404, 404, 404, 404])
  })

  test('a request_uri of somewhere else is not fetched', async () => {
    const led = await provider.follow({
      ...as.request(),
      request_uri: `${provider.origin}/t/request`,
    })
    expect(errorAt(led)).toBe('invalid_request_uri')
  })

  test('state-only-outside-request-object-not-used, different-nonce-inside-and-outside', async () => {
    const request_uri = await as.pushedUri({ state: undefined, nonce: 'inside' })
    const led = await provider.follow({ ...as.request(), request_uri, nonce: 'outside' })
    const { to, parameters } = await provider.end(led)
    expect(to.state).toBeNull()
    const claims = await as.claimsOf(await as.exchange(String(parameters.code)))
    expect(claims.nonce).toBe('inside')
  })

  test('ensure-request-object-without-redirect-uri-fails, plain-fapi-unregistered-redirect-uri', async () => {
    for (const redirect_uri of [undefined, 'https://unregistered.example/']) {
      const { status, json } = await as.push({ redirect_uri })
      expect([status, json.error]).toEqual([400, 'invalid_request'])
    }
  })

  test.for(['code id_token', 'token', 'id_token', 'none'])(
    'ensure-response-type-%s-fails',
    async (response_type) => {
      const { json } = await as.push({ response_type })
      expect(json.error).toBe('unsupported_response_type')
    },
  )
})

describe('the end of a prompt', () => {
  test('user-rejects-authentication: access_denied, with state and issuer', async () => {
    const { to, parameters } = await provider.end(await follow(), 'denied')
    expect(to.state).toBe('s-1')
    expect(parameters).toEqual({ error: 'access_denied', iss: provider.base })
  })
})

describe('PKCE', () => {
  test('par-ensure-pkce-required, par-plain-pkce-rejected', async () => {
    const { verifier } = pkce()
    for (const more of [
      { code_challenge: undefined, code_challenge_method: undefined },
      { code_challenge: verifier, code_challenge_method: 'plain' },
      { code_challenge_method: undefined },
    ]) {
      expect((await as.push(more)).json.error).toBe('invalid_request')
    }
  })

  test('ensure-pkce-code-verifier-required, incorrect-pkce-code-verifier-rejected', async () => {
    for (const code_verifier of ['', pkce().verifier, 'short']) {
      const { json } = await as.exchange(await as.approve(await follow()), { code_verifier })
      expect(json.error).toBe('invalid_grant')
    }
  })
})

describe('codes', () => {
  test('ensure-authorization-code-is-bound-to-client', async () => {
    const code = await as.approve(await follow())
    expect((await other.exchange(code)).json.error).toBe('invalid_grant')
  })

  test('attempt-reuse-authorization-code-after-one-second', async () => {
    const code = await as.approve(await follow())
    await as.exchange(code)
    expect((await as.exchange(code)).json.error).toBe('invalid_grant')
  })

  test('ensure-token-endpoint-fails-with-expired-auth-code', async () => {
    const code = await as.approve(await follow())
    await provider.sql(`update prompts set answered_at = answered_at - interval '61 seconds'`)
    expect((await as.exchange(code)).json.error).toBe('invalid_grant')
  })
})

describe('assertions', () => {
  let signer: ReturnType<typeof conformanceClient>
  beforeAll(async () => {
    signer = conformanceClient(provider, await provider.createClient({ jwks: [key.publicJwk] }))
  })
  const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds
  const statusWith = async (claims: object) => {
    const parts = { ...signer.request(), ...(await signer.assertion(key, { ...claims })) }
    return (await provider.call('par', parts)).status
  }

  test('ensure-client-assertion-in-token-endpoint', async () => {
    expect((await provider.call('par', signer.request())).status).toBe(401)
    expect((await provider.call('par', signer.request(), signer.header)).status).toBe(401)
    expect(await statusWith({})).toBe(201)
  })

  test('ensure-client-assertion-with-exp-is-5-minutes-in-past-fails', async () => {
    expect(await statusWith({ exp: inSeconds(-300) })).toBe(401)
  })

  test('ensure-client-assertion-with-wrong-aud-fails, -with-no-sub-fails', async () => {
    expect(await statusWith({ aud: 'https://other.example' })).toBe(401)
    expect(await statusWith({ sub: undefined })).toBe(401)
    expect(await statusWith({ iss: 'https://other.example' })).toBe(401)
  })

  test('ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted, -over-60-fails', async () => {
    expect(await statusWith({ nbf: inSeconds(8) })).toBe(201)
    expect(await statusWith({ nbf: inSeconds(90) })).toBe(401)
  })
})
