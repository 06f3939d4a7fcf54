// Codes that browsers bring, exchanged for ID tokens.

import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { IntegrationId } from '../../src/domain/ids.ts'
import type { PromptOutcome } from '../../src/domain/prompt.ts'
import { basicOf } from '../support/oidc-client.ts'
import { type Led, type Provider, pkce, redirectUri, startProvider } from '../support/provider.ts'

type Client = { readonly id: IntegrationId; readonly secret: string }

const settings = { clientAuthentication: 'client_secret_basic', bareLoginHintAllowed: true }
let provider: Provider
let client: Client

beforeAll(async () => {
  provider = await startProvider()
  client = await provider.createClient(settings)
})
afterAll(() => provider[Symbol.asyncDispose]())

const { verifier, code_challenge, code_challenge_method } = pkce()
const open = ({ id: client_id } = client, more: Record<string, string> = {}): Promise<Led> =>
  provider.follow({
    client_id,
    scope: 'openid',
    response_type: 'code',
    redirect_uri: redirectUri,
    state: 's1',
    nonce: 'n1',
    login_hint: 'ada',
    ...{ code_challenge, code_challenge_method },
    ...more,
  })

async function approve(of = client, more: Record<string, string> = {}) {
  const led = await open(of, more)
  const { parameters } = await provider.end(led)
  expect(parameters).toEqual({ code: expect.stringMatching(/^[\w-]{43}$/), iss: provider.base })
  return { led, code: parameters.code ?? '' }
}

const exchange = (code: string, more: Record<string, string> = {}, of = client) =>
  provider.call(
    'token',
    {
      grant_type: 'authorization_code',
      redirect_uri: redirectUri,
      code_verifier: verifier,
      code,
      ...more,
    },
    basicOf(of.id, of.secret),
  )

const keys = () => createRemoteJWKSet(new URL(`${provider.base}/jwks`))

test('a code is exchanged for an ID token that says who approved, and how', async () => {
  const { code } = await approve(client, { acr_values: 'x possession' })
  const { status, json, headers } = await exchange(code)
  expect(status).toBe(200)
  expect(headers.get('cache-control')).toBe('no-store')
  expect(json).toEqual({
    id_token: expect.any(String),
    access_token: expect.stringMatching(/^[\w-]{43}$/),
    token_type: 'Bearer',
    expires_in: 60,
  })
  const { payload, protectedHeader } = await jwtVerify(json.id_token, keys(), {
    issuer: provider.base,
    audience: client.id,
  })
  expect(protectedHeader.alg).toBe('RS256')
  const { iat = 0 } = payload
  expect(payload).toEqual({
    iss: provider.base,
    aud: client.id,
    sub: 'ada',
    preferred_username: 'ada',
    nonce: 'n1',
    acr: 'possession',
    amr: ['hwk'],
    iat,
    exp: iat + 300,
    auth_time: expect.any(Number),
  })
  expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(60)
})

test('a client may have its ID tokens signed by ES256', async () => {
  const other = await provider.createClient({ ...settings, idTokenAlgorithm: 'ES256' })
  const { code } = await approve(other)
  const { json } = await exchange(code, {}, other)
  expect(decodeProtectedHeader(json.id_token).alg).toBe('ES256')
  await jwtVerify(json.id_token, keys(), { issuer: provider.base, audience: other.id })
})

test('the name that was asked comes back, letter by letter', async () => {
  const login_hint = ' Ada@EXAMPLE.com'
  const { code } = await approve(client, { login_hint })
  const { payload } = await jwtVerify((await exchange(code)).json.id_token, keys())
  expect(payload.sub).toBe(login_hint)
})

test('a code counts once', async () => {
  const { code } = await approve()
  expect((await exchange(code)).status).toBe(200)
  expect(await exchange(code)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
})

test('of exchanges of one code at the same time, one gets a token', async () => {
  const { code } = await approve()
  const calls = await Promise.all(Array.from({ length: 8 }, () => exchange(code)))
  expect(calls.filter(({ status }) => status === 200)).toHaveLength(1)
})

test('a code of another client counts for nothing, and stays that of its own', async () => {
  const other = await provider.createClient(settings)
  const { code } = await approve()
  expect((await exchange(code, {}, other)).json).toEqual({ error: 'invalid_grant' })
  expect((await exchange(code)).status).toBe(200)
})

test.for<[string, Record<string, string>]>([
  ['another verifier', { code_verifier: pkce().verifier }],
  ['no verifier', { code_verifier: '' }],
  ['the challenge for a verifier', { code_verifier: code_challenge }],
  ['another redirect URI', { redirect_uri: 'https://client.example/callback' }],
  ['no redirect URI', { redirect_uri: '' }],
])('a code with %s counts for nothing, and then never again', async ([, more]) => {
  const { code } = await approve()
  expect(await exchange(code, more)).toMatchObject({
    status: 400,
    json: { error: 'invalid_grant' },
  })
  expect((await exchange(code)).json).toEqual({ error: 'invalid_grant' })
})

test('a code counts for a minute', async () => {
  const { code, led } = await approve()
  await provider.sql(
    `update prompts set answered_at = answered_at - interval '61 seconds' where id = $1`,
    [led.promptId],
  )
  expect((await exchange(code)).json).toEqual({ error: 'invalid_grant' })
})

test('another grant, or none, is refused as such', async () => {
  const { code } = await approve()
  const other = await exchange(code, { grant_type: 'refresh_token' })
  expect(other).toMatchObject({ status: 400, json: { error: 'unsupported_grant_type' } })
  expect((await exchange('x'.repeat(43))).json).toEqual({ error: 'invalid_grant' })
  const none = await provider.call('token', { code }, basicOf(client.id, client.secret))
  expect(none).toMatchObject({ status: 400, json: { error: 'invalid_request' } })
})

test('a client that was paused after the approval gets no token', async () => {
  const other = await provider.createClient(settings)
  const { code } = await approve(other)
  await provider.api('PATCH', `/v1/integrations/${other.id}`, { status: 'paused' })
  expect((await exchange(code, {}, other)).status).toBe(401)
  await provider.api('PATCH', `/v1/integrations/${other.id}`, { status: 'active' })
  expect((await exchange(code, {}, other)).status).toBe(200)
})

test('with its integration every prompt and code of a client ends', async () => {
  const other = await provider.createClient(settings)
  const { code, led } = await approve(other)
  await provider.api('DELETE', `/v1/integrations/${other.id}`)
  expect((await exchange(code, {}, other)).status).toBe(401)
  expect(await provider.prompt(led.promptId)).toBeNull()
})

test.for<[PromptOutcome, string]>([
  ['denied', 'access_denied'],
  ['reported', 'access_denied'],
  ['expired', 'access_denied'],
  ['cancelled', 'access_denied'],
  ['unavailable', 'temporarily_unavailable'],
])('a prompt that was %s reaches the client as one, with no code', async ([outcome, error]) => {
  const answer = await provider.end(await open(), outcome)
  expect(answer).toEqual({
    to: { redirectUri, responseMode: 'query', state: 's1' },
    parameters: { error, iss: provider.base },
  })
})

test('a browser that loads the answer again carries the same code', async () => {
  const { led, code } = await approve()
  expect((await provider.end(led)).parameters.code).toBe(code)
})
