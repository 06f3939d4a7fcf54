// What Entra makes of the answers: decided by a double that was written from its documentation.

import { decodeJwt, type JSONWebKeySet, type JWTPayload } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { IntegrationId } from '../../src/domain/ids.ts'
import { claimsAsked, externalAuthProviderOf, type PostedAnswer } from '../support/entra-double.ts'
import { type Provider, startProvider } from '../support/provider.ts'

let provider: Provider
let clientId: IntegrationId

beforeAll(async () => {
  provider = await startProvider()
  clientId = (await provider.createEntraDoor()).id
})
afterAll(() => provider[Symbol.asyncDispose]())

async function fetchKeys() {
  const response = await fetch(`${provider.base}/jwks`)
  return (await response.json()) as JSONWebKeySet
}

/** A sign-in as far as its answer, with Entra's decision on whatever is posted. */
async function signIn(outcome: 'approved' | 'denied' = 'approved', amr = ['hwk'], claims?: object) {
  const { entra } = provider
  const more = claims && { claims: JSON.stringify(claims) }
  const fields = entra.form({ clientId, hint: await entra.hint(), ...(more && { more }) })
  const { to, parameters } = await provider.end(await provider.bring(fields), outcome, amr)
  expect(to).toEqual({
    redirectUri: externalAuthProviderOf('global'),
    responseMode: 'form_post',
    state: fields.state,
  })
  const answer: PostedAnswer = { ...parameters, state: fields.state ?? '' }
  const jwks = await fetchKeys()
  const expectations = { issuer: provider.base, jwks, clientId, nonce: fields.nonce ?? '' }
  const decide = (changes: PostedAnswer = {}, more: object = {}) =>
    entra.decide({ ...answer, ...changes }, { ...expectations, state: fields.state ?? '', ...more })
  return { answer, decide }
}

test('Entra lets the person in whose phone approved', async () => {
  const { answer, decide } = await signIn()
  expect(Object.keys(answer).toSorted()).toEqual(['id_token', 'state'])
  expect(await decide()).toBe('signed in')
})

test('Entra reads what it needs about the provider, with its length', async () => {
  const address = `${provider.base}/.well-known/openid-configuration`
  const response = await fetch(address)
  expect(Number(response.headers.get('content-length'))).toBeGreaterThan(0)
  expect(await response.json()).toMatchObject({
    issuer: provider.base,
    authorization_endpoint: `${provider.base}/authorize`,
    jwks_uri: `${provider.base}/jwks`,
    scopes_supported: ['openid'],
    response_types_supported: expect.arrayContaining(['id_token']),
    response_modes_supported: expect.arrayContaining(['form_post']),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: expect.arrayContaining(['RS256']),
    claim_types_supported: ['normal'],
    grant_types_supported: expect.arrayContaining(['implicit']),
  })
  for (const key of (await fetchKeys()).keys) {
    expect(key).toMatchObject({ use: 'sig', kid: expect.any(String), x5t: expect.any(String) })
    expect(key.x5c).toHaveLength(1)
  }
})

test('a denial arrives as one', async () => {
  const { answer, decide } = await signIn('denied')
  expect(answer).toEqual({ error: 'access_denied', state: answer.state })
  expect(await decide()).toBe('error: access_denied')
})

test.for([
  [['hwk', 'pop'], 'hwk'],
  [['pop', 'swk'], 'swk'],
  [['otp'], 'otp'],
] as const)('of %s Entra learns one method', async ([amr, method]) => {
  const { answer, decide } = await signIn('approved', [...amr])
  expect(decodeJwt(answer.id_token ?? '').amr).toEqual([method])
  expect(await decide()).toBe('signed in')
})

test('an approval of which nothing true can be said that Entra asked for arrives as none', async () => {
  const claims = { id_token: { ...claimsAsked.id_token, amr: { values: ['face', 'fpt'] } } }
  expect((await signIn('approved', ['hwk'], claims)).answer.error).toBe('access_denied')
  expect((await signIn('approved', ['kba'])).answer.error).toBe('access_denied')
})

const now = Math.floor(Date.now() / 1000)
test.for<[string, JWTPayload]>([
  ['another issuer', { iss: 'https://evil.example' }],
  ['no issuer', { iss: undefined as never }],
  ['another audience', { aud: 'int_00000000000000000000000000' }],
  ['two audiences', { aud: ['a', 'b'] }],
  ['another person', { sub: 'somebody else' }],
  ['no person', { sub: undefined as never }],
  ['another nonce', { nonce: 'n' }],
  ['no nonce', { nonce: undefined }],
  ['an acr that was not asked for', { acr: 'knowledge' }],
  ['no acr', { acr: undefined }],
  ['two methods', { amr: ['hwk', 'pop'] }],
  ['no method', { amr: [] }],
  ['a text for methods', { amr: 'hwk' }],
  ['a method that is the first factor', { amr: ['pwd'] }],
  ['an end that is over', { exp: now - 3600 }],
  ['no end', { exp: undefined as never }],
  ['no time of issue', { iat: undefined as never }],
])('Entra refuses an answer with %s', async ([, changes]) => {
  const { answer, decide } = await signIn()
  const payload = { ...decodeJwt(answer.id_token ?? ''), ...changes }
  expect(await decide({ id_token: await provider.sign(payload) })).not.toBe('signed in')
})

test('Entra refuses an answer that is altered, signed otherwise or of another sign-in', async () => {
  const { answer, decide } = await signIn()
  const { answer: other } = await signIn()
  const { id_token: token = '' } = answer
  const payload = decodeJwt(token)
  expect(await decide({ id_token: await provider.sign(payload) })).toBe('signed in')
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  const [header, body, signature] = token.split('.')
  const tokens = [
    await provider.sign(payload, 'ES256'),
    `${none}.${body}.`,
    `${header}.${Buffer.from(JSON.stringify({ ...payload, sub: 'x' })).toString('base64url')}.${signature}`,
    other.id_token ?? '',
    '',
  ]
  for (const id_token of tokens) expect(await decide({ id_token })).not.toBe('signed in')
  expect(await decide({ state: 'x' })).toBe('state')
  const { keys } = await fetchKeys()
  const bare = keys.map(({ x5c: _, ...key }) => key)
  expect(await decide({}, { jwks: { keys: bare } })).toBe('x5c')
})
