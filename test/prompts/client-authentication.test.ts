// How clients prove who they are at the token endpoint and where requests are pushed.

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { IntegrationId } from '../../src/domain/ids.ts'
import { assertionOf, basicOf, createClientKey } from '../support/oidc-client.ts'
import { type Parameters, type Provider, startProvider } from '../support/provider.ts'

type Client = { readonly id: IntegrationId; readonly secret: string }

const key = await createClientKey()
const rsaKey = await createClientKey('k2', 'PS256')
const otherKey = await createClientKey()
let provider: Provider
let basicClient: Client
let postClient: Client
let keyClient: Client

beforeAll(async () => {
  provider = await startProvider()
  const jwks = [key.publicJwk, rsaKey.publicJwk]
  const create = (clientAuthentication: string) =>
    provider.createClient({ clientAuthentication, jwks })
  basicClient = await create('client_secret_basic')
  postClient = await create('client_secret_post')
  keyClient = await create('private_key_jwt')
})
afterAll(() => provider[Symbol.asyncDispose]())

/** A call without a code: who is let in hears of that, all others are refused. */
async function enter(form: Parameters, headers: Parameters = {}) {
  const code = { grant_type: 'authorization_code', code: 'x' }
  const token = await provider.call('token', { ...code, ...form }, headers)
  const push = await provider.call('par', form, headers)
  expect(token.headers.get('cache-control')).toBe('no-store')
  // Both endpoints let the same in.
  expect(push.status === 401).toBe(token.status === 401)
  if (token.status === 401) {
    expect(token.json).toEqual({ error: 'invalid_client' })
    const isBasic = headers.authorization !== undefined
    expect(token.headers.get('www-authenticate')).toBe(isBasic ? 'Basic realm="countersign"' : null)
    return 'refused'
  }
  expect(token.json).toEqual({ error: 'invalid_grant' })
  return 'in'
}

const withAssertion = async (claims: object = {}, header: object = {}, by = key) =>
  assertionOf(by, keyClient.id, provider.base, { ...claims }, header)

test('each client comes in by the way of its integration', async () => {
  expect(await enter({}, basicOf(basicClient.id, basicClient.secret))).toBe('in')
  expect(await enter({ client_id: postClient.id, client_secret: postClient.secret })).toBe('in')
})

test('an assertion lets its client in, by each of its keys', async () => {
  for (const by of [key, rsaKey]) {
    const assertion = await assertionOf(by, keyClient.id, provider.base)
    const { status } = await provider.call('par', { client_id: keyClient.id, ...assertion })
    expect(status).toBe(400)
  }
  for (const aud of [`${provider.base}/token`, `${provider.base}/par`, [provider.base]]) {
    const form = { client_id: keyClient.id, ...(await withAssertion({ aud })) }
    expect((await provider.call('token', form)).status).toBe(400)
  }
})

test('an assertion alone says whose it is (RFC 7521, 4.2)', async () => {
  const statusWith = async (clientId: IntegrationId) =>
    (await provider.call('token', await assertionOf(key, clientId, provider.base))).status
  expect(await statusWith(keyClient.id)).toBe(400)
  expect(await statusWith(basicClient.id)).toBe(401)
})

test('no client comes in by another way, or by two at once', async () => {
  const { id: basicId, secret: basicSecret } = basicClient
  const { id: postId, secret: postSecret } = postClient
  const basic = basicOf(basicId, basicSecret)
  const refusedCalls: (readonly [Parameters, Parameters?])[] = [
    [{}],
    [{ client_id: basicId }],
    [{ client_id: basicId, client_secret: basicSecret }],
    [{ client_secret: basicSecret }, basic],
    [{ client_id: postId }, basic],
    [{ client_id: postId }, basicOf(postId, postSecret)],
    [{}, basicOf(postId, postSecret)],
    [{ client_id: postId, client_secret: postSecret }, basic],
    [{ client_id: keyClient.id }],
    [{ client_id: keyClient.id, client_secret: '' }],
    [{ client_id: keyClient.id, client_secret: 'x' }],
    [{}, basicOf(keyClient.id, '')],
  ]
  for (const [form, headers] of refusedCalls) expect(await enter(form, headers)).toBe('refused')
})

test('a wrong secret, name or header lets nobody in', async () => {
  const { id, secret } = basicClient
  const text = (value: string) => ({
    authorization: `Basic ${Buffer.from(value).toString('base64')}`,
  })
  const headers = [
    basicOf(id, `${secret}x`),
    basicOf(id, ''),
    basicOf(id, postClient.secret),
    basicOf('int_00000000000000000000000000', secret),
    basicOf(`${id}\n`, secret),
    text(id),
    text(`${id}:%`),
    text(':'),
    { authorization: `Bearer ${secret}` },
    { authorization: 'Basic ' },
    { authorization: `Basic ${'A'.repeat(2000)}` },
  ]
  for (const one of headers) expect(await enter({}, one)).toBe('refused')
})

const ago = (seconds: number) => Math.floor(Date.now() / 1000) - seconds
test.for<[string, object, object?]>([
  ['of another issuer', { iss: 'other' }],
  ['about somebody else', { sub: 'int_00000000000000000000000000' }],
  ['about nobody', { sub: undefined }],
  ['for another audience', { aud: 'https://other.example' }],
  ['for nobody', { aud: undefined }],
  ['that is over', { exp: ago(70) }],
  ['without an end', { exp: undefined }],
  ['that is valid for an hour', { exp: ago(-3600) }],
  ['that begins later', { nbf: ago(-300) }],
  ['without an id', { jti: undefined }],
  ['with a number for an id', { jti: 1 }],
  ['with an empty id', { jti: '' }],
  ['with an endless id', { jti: 'a'.repeat(600) }],
  ['of a key of another name', {}, { kid: 'k9' }],
])('an assertion %s lets nobody in', async ([, claims, header]) => {
  const form = { client_id: keyClient.id, ...(await withAssertion(claims, header)) }
  expect(await enter(form)).toBe('refused')
})

test('an assertion that nobody, or somebody else, signed lets nobody in', async () => {
  const forgedAssertion = await withAssertion({}, {}, otherKey)
  const genuine = await withAssertion()
  const [, payload] = genuine.client_assertion.split('.')
  const none = Buffer.from('{"alg":"none","kid":"k1"}').toString('base64url')
  const { client_assertion_type } = genuine
  const plainAssertion = { client_assertion_type, client_assertion: `${none}.${payload}.` }
  for (const assertion of [
    forgedAssertion,
    plainAssertion,
    { ...genuine, client_assertion_type: 'x' },
  ]) {
    expect(await enter({ client_id: keyClient.id, ...assertion })).toBe('refused')
  }
})

test('an assertion counts once, wherever it is used again', async () => {
  const jti = randomUUID()
  const form = { client_id: keyClient.id, ...(await withAssertion({ jti })) }
  expect((await provider.call('par', form)).status).toBe(400)
  expect(await enter(form)).toBe('refused')
  // Neither does another token of the same id.
  const again = { client_id: keyClient.id, ...(await withAssertion({ jti, n: 1 })) }
  expect(await enter(again)).toBe('refused')
})

test('of calls with one assertion at the same time, one comes in', async () => {
  const form = { client_id: keyClient.id, ...(await withAssertion()) }
  const calls = Array.from({ length: 8 }, () => provider.call('token', form))
  const statuses = (await Promise.all(calls)).map(({ status }) => status)
  expect(statuses.filter((status) => status !== 401)).toHaveLength(1)
})

test('an assertion of a client lets no other client in', async () => {
  expect(await enter({ client_id: basicClient.id, ...(await withAssertion()) })).toBe('refused')
})

test('only from the permitted addresses a client comes in', async () => {
  const settings = { clientAuthentication: 'client_secret_post' }
  const { id, secret } = await provider.createClient(settings, { allowedAddresses: ['192.0.2.1'] })
  expect(await enter({ client_id: id, client_secret: secret })).toBe('refused')
  const keys = { jwks: [key.publicJwk] }
  const other = await provider.createClient(keys, { allowedAddresses: ['192.0.2.1'] })
  const assertion = await assertionOf(key, other.id, provider.base)
  expect(await enter({ client_id: other.id, ...assertion })).toBe('refused')
})

test('a paused, a removed and a client of another kind are refused alike', async () => {
  const settings = { clientAuthentication: 'client_secret_post' }
  const { id, secret } = await provider.createClient(settings)
  const form = { client_id: id, client_secret: secret }
  expect(await enter(form)).toBe('in')
  await provider.api('PATCH', `/v1/integrations/${id}`, { status: 'paused' })
  expect(await enter(form)).toBe('refused')
  await provider.api('DELETE', `/v1/integrations/${id}`)
  expect(await enter(form)).toBe('refused')
  const entra = await provider.createEntraDoor()
  expect(await enter({ client_id: entra.id, client_secret: '' })).toBe('refused')
  const duo = await provider.create({ kind: 'duo_auth_api' })
  expect(await enter({ client_id: duo.id, client_secret: duo.secret })).toBe('refused')
})

test('a repeated parameter is refused', async () => {
  const { id, secret } = postClient
  const form = new URLSearchParams({ client_id: id, client_secret: secret })
  expect((await provider.call('token', `${form}&client_secret=x`)).status).toBe(400)
})
