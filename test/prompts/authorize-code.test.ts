// Requests of clients of the code flow: in the address, pushed, or signed.

import { randomUUID } from 'node:crypto'
import type { JWTHeaderParameters } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { IntegrationId } from '../../src/domain/ids.ts'
import { assertionOf, basicOf, createClientKey, signAsClient } from '../support/oidc-client.ts'
import { type Led, type Provider, pkce, redirectUri, startProvider } from '../support/provider.ts'

type Client = { readonly id: IntegrationId; readonly secret: string }
type Claims = Readonly<Record<string, unknown>>
type More = Readonly<Record<string, string | undefined>>

const key = await createClientKey()
const otherKey = await createClientKey()
let provider: Provider
/** Pushes and signs its requests. */
let client: Client
/** May name the person in the address. */
let bareClient: Client

beforeAll(async () => {
  provider = await startProvider()
  const settings = { clientAuthentication: 'client_secret_basic', jwks: [key.publicJwk] }
  client = await provider.createClient(settings)
  bareClient = await provider.createClient({ ...settings, bareLoginHintAllowed: true })
})
afterAll(() => provider[Symbol.asyncDispose]())

const { code_challenge, code_challenge_method } = pkce()
const withoutHoles = (more: More) =>
  Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >

const requestOf = ({ id }: Client, more: More = {}) =>
  withoutHoles({
    client_id: id,
    scope: 'openid',
    response_type: 'code',
    redirect_uri: redirectUri,
    state: randomUUID(),
    nonce: randomUUID(),
    login_hint: 'ada',
    ...{ code_challenge, code_challenge_method },
    ...more,
  })

const push = (request: Record<string, string>, { id, secret } = client) =>
  provider.call('par', request, basicOf(id, secret))

/** What the client learns of an error, by its own address. */
function errorIn({ status, location, secret }: Led) {
  expect({ status, secret }).toEqual({ status: 303, secret: null })
  const url = new URL(location ?? '')
  expect(`${url.origin}${url.pathname}`).toBe('https://client.example/callback')
  // What the registered address has of its own stays.
  expect(url.searchParams.get('from')).toBe('us')
  expect(url.searchParams.get('iss')).toBe(provider.base)
  return { error: url.searchParams.get('error'), state: url.searchParams.get('state') }
}

test('a pushed request opens a prompt of whom it names, once', async () => {
  const request = requestOf(client)
  const { status, json } = await push(request)
  expect(status).toBe(201)
  expect(json).toEqual({ request_uri: expect.any(String), expires_in: 90 })
  const { request_uri } = json
  const led = await provider.follow({ client_id: client.id, request_uri })
  expect(led).toMatchObject({ status: 303, secret: expect.any(String) })
  expect(await provider.prompt(led.promptId)).toMatchObject({
    userName: 'ada',
    request: {
      isBound: true,
      subject: 'ada',
      responseType: 'code',
      responseMode: 'query',
      codeChallenge: code_challenge,
      state: request.state,
      nonce: request.nonce,
    },
  })
  // Another browser comes to the same prompt, whose page it does not get without the cookie.
  const again = await provider.follow({ client_id: client.id, request_uri })
  expect(again).toMatchObject({ status: 303, location: led.location, secret: null })
})

test('beside a pushed request nothing in the address counts', async () => {
  const { json } = await push(requestOf(client))
  const { request_uri } = json
  const changes = { login_hint: 'mallory', state: 'x', code_challenge: pkce().code_challenge }
  const led = await provider.follow({ ...requestOf(client, changes), request_uri })
  const prompt = await provider.prompt(led.promptId)
  expect(prompt).toMatchObject({ userName: 'ada', request: { codeChallenge: code_challenge } })
  expect(prompt?.request.state).not.toBe('x')
})

test('a pushed request of another client counts for nothing', async () => {
  const { json } = await push(requestOf(client))
  const led = await provider.follow({
    ...requestOf(bareClient),
    request_uri: json.request_uri,
  })
  expect(errorIn(led).error).toBe('invalid_request_uri')
  const bare = await provider.follow({ client_id: bareClient.id, request_uri: json.request_uri })
  expect(bare).toMatchObject({ status: 400, location: null })
})

test('a pushed request counts for 90 seconds', async () => {
  const { json } = await push(requestOf(client))
  await provider.sql(`update pushed_requests set expires_at = now() - interval '1 millisecond'`)
  const { request_uri } = json
  const led = await provider.follow({ ...requestOf(client), request_uri })
  expect(errorIn(led).error).toBe('invalid_request_uri')
})

test.for<[string, More, string]>([
  ['another redirect URI', { redirect_uri: 'https://evil.example/' }, 'invalid_request'],
  ['no redirect URI', { redirect_uri: undefined }, 'invalid_request'],
  ['a reference', { request_uri: 'urn:x' }, 'invalid_request'],
  ['no PKCE', { code_challenge: undefined }, 'invalid_request'],
  ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
  ['no scope', { scope: 'profile' }, 'invalid_scope'],
  ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
  ['a request that is not signed', { request: 'a.b.c' }, 'invalid_request_object'],
  ['another client', { client_id: 'int_00000000000000000000000000' }, 'invalid_client'],
])('a pushed request with %s is refused at once', async ([, more, error]) => {
  const { status, json } = await push(requestOf(client, more))
  expect(json.error).toBe(error)
  expect(status).toBe(error === 'invalid_client' ? 401 : 400)
})

test.for<[string, More]>([
  ['without PKCE', { code_challenge: undefined, code_challenge_method: undefined }],
  ['with a plain challenge', { code_challenge_method: 'plain' }],
  ['with a challenge without a method', { code_challenge_method: undefined }],
  ['with a challenge that is none', { code_challenge: `${'a'.repeat(43)}a` }],
  ['that asks nobody in particular', { login_hint: undefined }],
  ['with an endless name', { login_hint: 'a'.repeat(300) }],
])('a request %s is refused by the address of the client', async ([, more]) => {
  const request = requestOf(bareClient, more)
  const answer = errorIn(await provider.follow(request))
  expect(answer).toEqual({ error: 'invalid_request', state: request.state })
})

test('a name that nobody signed is refused, unless the integration permits it', async () => {
  expect(errorIn(await provider.follow(requestOf(client))).error).toBe('invalid_request')
  const led = await provider.follow(requestOf(bareClient))
  expect(led.status).toBe(303)
  // It asks nobody by itself.
  expect((await provider.prompt(led.promptId))?.request.isBound).toBe(false)
})

test.for([
  'https://client.example/callback',
  'https://client.example/callback?from=us&more',
  'https://client.example/callback?from=us#x',
  'HTTPS://client.example/callback?from=us',
  'https://evil.example/callback?from=us',
  'javascript:alert(1)',
  undefined,
])('a browser is never led to %s, with whatever else is wrong', async (redirect_uri) => {
  for (const more of [{}, { scope: undefined }, { request: 'x' }, { request_uri: 'urn:x' }]) {
    const led = await provider.follow(requestOf(bareClient, { redirect_uri, ...more }))
    expect(led).toMatchObject({ status: 400, location: null, posts: null, secret: null })
  }
})

test('an answer that is asked for as a form is a form to the registered address', async () => {
  const led = await provider.bring(requestOf(client, { response_mode: 'form_post' }))
  expect(led.posts).toMatchObject({ to: redirectUri, fields: { error: 'invalid_request' } })
  expect(led.headers.get('content-security-policy')).toContain(
    'form-action https://client.example;',
  )
})

/** A signed request, with the address that brings it. */
async function aSignedRequest(
  more: Claims = {},
  header: Partial<JWTHeaderParameters> = {},
  by = key,
  address: More = {},
) {
  const claims = { iss: client.id, aud: provider.base, ...requestOf(client), ...more }
  const request = await signAsClient(by, claims, header)
  return { client_id: client.id, redirect_uri: redirectUri, request, ...withoutHoles(address) }
}

test('a signed request opens a prompt of whom it names, once', async () => {
  const parts = await aSignedRequest({ claims: { id_token: { acr: { value: 'possession' } } } })
  const led = await provider.follow(parts)
  expect(await provider.prompt(led.promptId)).toMatchObject({
    userName: 'ada',
    request: { isBound: true, acr: 'possession' },
  })
  expect(await provider.follow(parts)).toMatchObject({ location: led.location, secret: null })
  expect(errorIn(await provider.follow(await aSignedRequest({ prompt: 'none' }))).error).toBe(
    'login_required',
  )
})

test('the other half of an ECDSA signature makes no second request of a signed one', async () => {
  const parts = await aSignedRequest()
  const led = await provider.follow(parts)
  const [header, payload, signature = ''] = parts.request.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  bytes.write(s.toString(16).padStart(64, '0'), 32, 'hex')
  const request = `${header}.${payload}.${bytes.toString('base64url')}`
  expect(await provider.follow({ ...parts, request })).toMatchObject({
    location: led.location,
    secret: null,
  })
})

test('beside a signed request nothing in the address counts', async () => {
  const parts = await aSignedRequest({}, {}, key, { login_hint: 'mallory', scope: 'x' })
  const led = await provider.follow(parts)
  expect((await provider.prompt(led.promptId))?.userName).toBe('ada')
})

const ago = (seconds: number) => Math.floor(Date.now() / 1000) - seconds
test.for<[string, Claims, Partial<JWTHeaderParameters>?]>([
  ['for another audience', { aud: 'https://other.example' }],
  ['for the token endpoint', { aud: 'TOKEN' }],
  ['of another issuer', { iss: 'other' }],
  ['of another client', { client_id: 'int_00000000000000000000000000' }],
  ['without a client', { client_id: undefined }],
  ['that is over', { exp: ago(70) }],
  ['without an end', { exp: undefined }],
  ['that is valid for an hour', { exp: ago(-3600) }],
  ['that begins later', { nbf: ago(-300) }],
  ['of another key', {}, { kid: 'k2' }],
  ['with a request in it', { request: 'x' }],
  ['with a reference in it', { request_uri: 'urn:x' }],
])('a signed request %s counts for nothing', async ([, more, header]) => {
  const claims = more.aud === 'TOKEN' ? { ...more, aud: `${provider.base}/token` } : more
  expect(errorIn(await provider.follow(await aSignedRequest(claims, header))).error).toBe(
    'invalid_request_object',
  )
})

test('a request that nobody, or somebody else, signed counts for nothing', async () => {
  const parts = await aSignedRequest()
  const [, payload] = parts.request.split('.')
  const none = Buffer.from('{"alg":"none","kid":"k1"}').toString('base64url')
  const requests = [
    (await aSignedRequest({}, {}, otherKey)).request,
    `${none}.${payload}.`,
    parts.request.slice(0, -4),
    'x'.repeat(20_000),
  ]
  for (const request of requests) {
    const answer = errorIn(await provider.bring({ ...parts, request }))
    expect(answer.error).toBe('invalid_request_object')
  }
})

test('an assertion that authenticates a client is no request', async () => {
  const more = { ...requestOf(client) }
  const { client_assertion: request } = await assertionOf(key, client.id, provider.base, more)
  const led = await provider.follow({ client_id: client.id, redirect_uri: redirectUri, request })
  expect(errorIn(led).error).toBe('invalid_request_object')
})

test('a signed request that is pushed counts alone', async () => {
  const { request } = await aSignedRequest()
  const { json } = await push({ ...requestOf(client, { login_hint: 'mallory' }), request })
  const { request_uri } = json
  const led = await provider.follow({ client_id: client.id, request_uri })
  expect((await provider.prompt(led.promptId))?.userName).toBe('ada')
})
