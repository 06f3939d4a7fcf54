// Values that no client sends: nothing fails at them, and what is answered is what OAuth says.

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { IntegrationId } from '../../src/domain/ids.ts'
import { basicOf, createClientKey, signAsClient } from '../support/oidc-client.ts'
import { type Provider, pkce, redirectUri, startProvider } from '../support/provider.ts'

const key = await createClientKey()
let provider: Provider
let client: { readonly id: IntegrationId; readonly secret: string }
let entraId: IntegrationId
beforeAll(async () => {
  provider = await startProvider()
  client = await provider.createClient({
    clientAuthentication: 'client_secret_basic',
    jwks: [key.publicJwk],
    bareLoginHintAllowed: true,
  })
  entraId = (await provider.createEntraDoor()).id
})
afterAll(() => provider[Symbol.asyncDispose]())

const { code_challenge, code_challenge_method } = pkce()
const request = () => ({
  client_id: client.id,
  scope: 'openid',
  response_type: 'code',
  response_mode: 'query',
  redirect_uri: redirectUri,
  ...{ state: 's', nonce: 'n', login_hint: 'ada', claims: '{}', ui_locales: 'en' },
  ...{ prompt: 'login', acr_values: 'possession', code_challenge, code_challenge_method },
  ...{ max_age: '0', display: 'page', unknown: 'x' },
})
type Request = ReturnType<typeof request>

/** Texts that break what stores, shows, logs, splits or measures them. */
const texts = [
  ...['\0', 'a\0b', '\u0001', 'a\r\nSet-Cookie: x=1', '\u0085', '\u007f', '\u2028', '\ufeff'],
  ...['\uffff', '\u{10ffff}', 'e\u0301', '\u202eada', ' ', '%', '%00', '%ff', '+', '&', ';', '#'],
  ...["'; drop table prompts; --", '"><script>alert(1)</script>', '{{7*7}}', '\\u0000'],
  ...['__proto__', 'constructor', 'null', 'undefined', 'NaN', '-1', '1e999', '[]', '{}', '[[[['],
  ...['{"id_token":null}', '{"id_token":{"acr":{"values":["\\u0000"]},"amr":{"value":"\\ud800"}}}'],
  ...['{"id_token":{"amr":{"values":["\\u0000","hwk"]}}}', '{"__proto__":{"id_token":{}}}'],
  ...['a'.repeat(300), 'a'.repeat(5_000), '\u{1f600}'.repeat(2_000), '['.repeat(4_000)],
]
/** Half a surrogate pair, which JSON can say and forms cannot. */
const halves = ['\ud800', 'a\udfffb']

async function expectOauth(answer: { status: number; json: unknown }): Promise<void> {
  expect([200, 201, 400, 401]).toContain(answer.status)
  if (answer.status >= 400) expect(answer.json).toMatchObject({ error: expect.any(String) })
}

/** Led to a prompt, back to the client, or to a page of ours. */
function expectLed({ status, location }: { status: number; location: string | null }): void {
  expect([200, 303, 400, 401]).toContain(status)
  if (location === null) return
  const isPrompt = location.startsWith(`/t/${provider.tenantId}/prompt/`)
  expect(isPrompt || location.startsWith(`${redirectUri}&`)).toBe(true)
}

const names = () => Object.keys(request()) as (keyof Request)[]

test('no text in any parameter of an address or a form makes the endpoint fail', async () => {
  for (const name of names()) {
    for (const text of texts) {
      expectLed(await provider.bring({ ...request(), [name]: text }))
      if (text.length < 2_000) expectLed(await provider.follow({ ...request(), [name]: text }))
    }
  }
})

test('no text in a pushed request makes the endpoint fail, nor what comes of it', async () => {
  const auth = basicOf(client.id, client.secret)
  for (const name of names()) {
    for (const text of texts) {
      const answer = await provider.call('par', { ...request(), [name]: text }, auth)
      await expectOauth(answer)
      const { request_uri } = answer.json
      if (request_uri) expectLed(await provider.follow({ client_id: client.id, request_uri }))
    }
  }
})

test('no text in a signed request makes the endpoint fail', async () => {
  const values = [...texts, ...halves, 7, null, true, [], {}, ['a'], { a: { b: '\0' } }]
  for (const name of names()) {
    for (const value of values) {
      const claims = { iss: client.id, aud: provider.base, ...request(), [name]: value }
      const token = await signAsClient(key, claims)
      const brought = { client_id: client.id, redirect_uri: redirectUri, request: token }
      expectLed(await provider.bring(brought))
      await expectOauth(await provider.call('par', brought, basicOf(client.id, client.secret)))
    }
  }
}, 30_000)

test('no text in a claim of a hint, or beside it, makes the endpoint fail', async () => {
  const { entra } = provider
  const values = [...texts.filter((text) => text.length < 2_000), ...halves, 7, null, [], {}, true]
  for (const name of ['oid', 'sub', 'name', 'preferred_username', 'tid', 'ver', 'iat', 'aud']) {
    for (const value of values) {
      const hint = await entra.hint({ claims: { [name]: value } as never })
      const { status } = await provider.bring(entra.form({ clientId: entraId, hint }))
      expect([200, 303]).toContain(status)
    }
  }
  for (const name of ['state', 'nonce', 'claims', 'scope', 'client-request-id', 'id_token_hint']) {
    for (const text of texts) {
      const form = entra.form({ clientId: entraId, hint: await entra.hint() })
      expect([200, 303]).toContain((await provider.bring({ ...form, [name]: text })).status)
    }
  }
}, 30_000)

test('no text in a call for a token makes the endpoint fail', async () => {
  const form = {
    ...{ grant_type: 'authorization_code', code: 'x'.repeat(43), redirect_uri: redirectUri },
    ...{ code_verifier: 'v'.repeat(43), client_id: client.id },
    ...{ client_secret: '', client_assertion: '', client_assertion_type: '' },
  }
  for (const name of Object.keys(form)) {
    for (const text of texts) {
      // Longer headers are refused before anybody reads them.
      const short = text.slice(0, 100)
      for (const headers of [basicOf(client.id, client.secret), {}, basicOf(short, short)]) {
        const answer = await provider.call('token', { ...form, [name]: text }, headers)
        expect([400, 401]).toContain(answer.status)
        expect(answer.json).toMatchObject({ error: expect.any(String) })
      }
    }
  }
})

const isRefusedAs = async (more: Partial<Request>, error: string, state: string | null = 's') => {
  const { location } = await provider.bring({ ...request(), ...more })
  const { searchParams } = new URL(location ?? '')
  expect([searchParams.get('error'), searchParams.get('state')]).toEqual([error, state])
}

test('control characters are refused by the address of the client, and never come back', async () => {
  for (const text of ['a\0', 'a\nb', 'a\u007f']) {
    for (const name of ['login_hint', 'nonce', 'ui_locales', 'scope', 'acr_values'] as const) {
      await isRefusedAs({ [name]: text }, 'invalid_request')
    }
    // It would not come back as it was sent: a form rewrites line breaks.
    await isRefusedAs({ state: text }, 'invalid_request', null)
  }
  await isRefusedAs({ claims: '{"id_token":{"amr":{"value":"\\u0000"}}}' }, 'invalid_request')
  const { promptId } = await provider.bring({ ...request(), claims: '{\r\n\t"id_token": {}\n}' })
  expect(promptId).not.toBeNull()
})

test('a parameter that is there twice is refused, known or not, and leads nowhere', async () => {
  for (const [name, value] of [...Object.entries(request()), ['other', 'x']]) {
    const twice = `${new URLSearchParams(request())}&${new URLSearchParams({ [name ?? '']: value ?? '' })}`
    const parameters = name === 'other' ? `${twice}&other=y` : twice
    for (const led of [await provider.follow(parameters), await provider.bring(parameters)]) {
      expect(led).toMatchObject({ status: 400, location: null, posts: null, secret: null })
    }
    const answer = await provider.call('par', parameters, basicOf(client.id, client.secret))
    expect([answer.status, answer.json.error]).toEqual([400, 'invalid_request'])
  }
})

test('a parameter without a value counts as missing', async () => {
  const { promptId } = await provider.bring({ ...request(), state: '', nonce: '', prompt: '' })
  expect((await provider.prompt(promptId))?.request).toMatchObject({ state: null, nonce: null })
  await isRefusedAs({ login_hint: '' }, 'invalid_request')
  const form = { grant_type: 'authorization_code', code: 'x'.repeat(43), client_secret: '' }
  const answer = await provider.call('token', form, basicOf(client.id, client.secret))
  expect(answer.json).toEqual({ error: 'invalid_grant' })
})

test('a pushed request keeps what counts of it, and neither secrets nor anything unknown', async () => {
  const auth = basicOf(client.id, client.secret)
  await provider.call('par', { ...request(), client_secret: '', custom: 'a\0' }, auth)
  const { rows } = await provider.sql(
    'select parameters from pushed_requests order by expires_at desc limit 1',
  )
  expect(Object.keys(rows[0].parameters).toSorted()).toEqual(
    names()
      .filter((name) => !['unknown', 'max_age', 'display'].includes(name))
      .toSorted(),
  )
})
