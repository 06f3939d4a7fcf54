// What Entra's browsers bring to the authorization endpoint, and what becomes of it.

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { IntegrationId } from '../../src/domain/ids.ts'
import { claimsAsked, externalAuthProviderOf, type HintOptions } from '../support/entra-double.ts'
import { type Led, type Provider, startProvider } from '../support/provider.ts'

let provider: Provider
let clientId: IntegrationId
const redirectUri = externalAuthProviderOf('global')

beforeAll(async () => {
  provider = await startProvider()
})
beforeEach(async () => {
  clientId = (await provider.createEntraDoor()).id
  provider.entra.setWeather('fair')
})
afterAll(() => provider[Symbol.asyncDispose]())

type More = Readonly<Record<string, string | undefined>>

async function form(more: More = {}, hint: HintOptions = {}) {
  const { entra } = provider
  return entra.form({ clientId, hint: await entra.hint(hint), more })
}

const bring = async (more?: More, hint?: HintOptions) => provider.bring(await form(more, hint))
const minutesAgo = (minutes: number) => {
  const iat = Math.floor(Date.now() / 1000) - minutes * 60
  return { iat, nbf: iat, exp: iat - 1 }
}
const prompts = async () => {
  const { rows } = await provider.sql(
    'select count(*)::int as n from prompts where integration_id = $1',
    [clientId],
  )
  return rows[0].n
}

/** The form that tells Entra of an error; nothing was opened, and no cookie set. */
async function expectTold(led: Led, error: string, state: string | undefined) {
  expect(led).toMatchObject({ status: 200, secret: null, location: null })
  expect(led.posts?.to).toBe(redirectUri)
  expect(led.posts?.fields).toEqual({
    error,
    error_description: expect.any(String),
    ...(state !== undefined && { state }),
  })
  expect(led.headers.get('content-security-policy')).toContain(
    'form-action https://login.microsoftonline.com;',
  )
  expect(await prompts()).toBe(0)
}

/** A page that leads nowhere: there is nobody to tell. */
async function expectPage(led: Led, status: number) {
  expect(led).toMatchObject({ status, location: null, posts: null, secret: null })
  expect(led.headers.get('content-type')).toContain('text/html')
  expect(await prompts()).toBe(0)
}

test('a genuine hint opens a prompt of that person, in the browser that brings it', async () => {
  const fields = await form()
  const led = await provider.bring(fields)
  expect(led).toMatchObject({ status: 303, secret: expect.stringMatching(/^[\w-]{43}$/) })
  expect(led.location).toBe(`/t/${provider.tenantId}/prompt/${led.promptId}`)
  const [cookie = '', ...more] = led.headers.getSetCookie()
  expect(more).toEqual([])
  expect(cookie).toContain(`Path=${led.location};`)
  expect(cookie).toContain('HttpOnly')
  expect(cookie).toContain('SameSite=Lax')
  expect(led.headers.get('cache-control')).toBe('no-store')
  const { entra } = provider
  expect(await provider.prompt(led.promptId)).toMatchObject({
    integrationId: clientId,
    userName: entra.objectId,
    round: 0,
    outcome: null,
    request: {
      redirectUri,
      responseType: 'id_token',
      responseMode: 'form_post',
      state: fields.state,
      nonce: fields.nonce,
      subject: entra.subject,
      displayName: 'ada@example.com',
      acr: 'possessionorinherence',
      isBound: true,
    },
  })
})

test('each cloud has its own address for answers, and its own keys', async () => {
  for (const cloud of ['us_government', 'china'] as const) {
    const { id } = await provider.createEntraDoor({ cloud })
    const hint = await provider.entra.hint({ cloud })
    const fields = provider.entra.form({ clientId: id, hint, cloud })
    expect((await provider.bring(fields)).status).toBe(303)
    const elsewhere = provider.entra.form({ clientId: id, hint, cloud: 'global' })
    expect((await provider.bring(elsewhere)).status).toBe(400)
  }
})

test('the same request again comes to the same prompt, without a second cookie', async () => {
  const fields = await form()
  const first = await provider.bring(fields)
  const again = await provider.bring(fields)
  expect(again).toMatchObject({ status: 303, location: first.location, secret: null })
  expect(again.headers.getSetCookie()).toEqual([])
  expect(await prompts()).toBe(1)
})

test.for(['state', 'nonce'])('a hint that was used counts with no other %s', async (name) => {
  const fields = await form()
  await provider.bring(fields)
  const led = await provider.bring({ ...fields, [name]: randomUUID() })
  expect(led.posts?.fields.error).toBe('invalid_request')
  expect(led.secret).toBeNull()
  expect(await prompts()).toBe(1)
})

test('a hint that is spelled in another way is the one that was used', async () => {
  const fields = await form()
  const { id_token_hint: hint = '' } = fields
  await provider.bring(fields)
  // 256 bytes in base64url leave four bits of the last character that mean nothing.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(hint.slice(-1))
  const spellings = [
    ...[1, 5, 15].map((bits) => `${hint.slice(0, -1)}${alphabet[last ^ bits]}`),
    `${hint}=`,
    `${hint}==`,
    ` ${hint}`,
  ]
  for (const id_token_hint of spellings) {
    const led = await provider.bring({ ...fields, nonce: randomUUID(), id_token_hint })
    expect(led.posts?.fields.error).toBe('invalid_request')
  }
  expect(await prompts()).toBe(1)
})

const other = randomUUID()
test.for<[string, HintOptions]>([
  ['that another key signed', { forged: true }],
  ['without a signature', { header: { alg: 'none' } }],
  ['of 20 minutes ago', { claims: minutesAgo(20) }],
  ['of 20 minutes from now', { claims: minutesAgo(-20) }],
  ['for another application', { claims: { aud: other } }],
  ['for two applications', { claims: { aud: [other, other] } }],
  ['of another Entra tenant', { claims: { tid: other } }],
  ['of another issuer', { claims: { iss: `https://login.microsoftonline.com/${other}/v2.0` } }],
  ['of another cloud', { cloud: 'us_government' }],
  ['of an older version', { claims: { ver: '1.0' } }],
  ['that names nobody', { claims: { oid: undefined } }],
  ['that names somebody by a name', { claims: { oid: 'ada@example.com' } }],
])('a hint %s opens nothing, and Entra learns why', async ([, hint]) => {
  const { header, ...more } = hint
  const fields = await form({}, more)
  const token = fields.id_token_hint ?? ''
  const plain = Buffer.from(JSON.stringify({ alg: 'none', kid: 'ms-1' })).toString('base64url')
  const hintSent = header === undefined ? token : `${plain}.${token.split('.')[1]}.`
  const led = await provider.bring({ ...fields, id_token_hint: hintSent })
  await expectTold(led, 'invalid_request', fields.state)
})

test.for<[string, More, string]>([
  ['without a hint', { id_token_hint: undefined }, 'invalid_request'],
  ['with a hint of 20 kB', { id_token_hint: 'a'.repeat(20_000) }, 'invalid_request'],
  ['with text for a hint', { id_token_hint: 'ada' }, 'invalid_request'],
  ['without a nonce', { nonce: undefined }, 'invalid_request'],
  ['with a nonce of 600 characters', { nonce: 'a'.repeat(600) }, 'invalid_request'],
  ['for a code', { response_type: 'code' }, 'unsupported_response_type'],
  ['for an answer in the address', { response_mode: 'fragment' }, 'invalid_request'],
  ['without scope', { scope: undefined }, 'invalid_scope'],
  ['that asks nobody', { prompt: 'none' }, 'login_required'],
  ['with claims that are none', { claims: '[]' }, 'invalid_request'],
])('a request %s opens nothing, and Entra learns why', async ([, more, error]) => {
  const fields = await form(more)
  await expectTold(await provider.bring(fields), error, fields.state)
})

test('a context that no phone satisfies is refused as such', async () => {
  const claims = { id_token: { ...claimsAsked.id_token, acr: { values: ['knowledge'] } } }
  const fields = await form({ claims: JSON.stringify(claims) })
  const led = await provider.bring(fields)
  await expectTold(led, 'unmet_authentication_requirements', fields.state)
})

test('a state that is too long does not come back', async () => {
  const led = await bring({ state: 'a'.repeat(3000) })
  await expectTold(led, 'invalid_request', undefined)
})

test('while the keys of Entra cannot be fetched, Entra learns it that it may pass', async () => {
  await using fresh = await startProvider()
  const { id } = await fresh.createEntraDoor()
  fresh.entra.setWeather('failing')
  const fields = fresh.entra.form({ clientId: id, hint: await fresh.entra.hint() })
  const led = await fresh.bring(fields)
  expect(led.posts).toMatchObject({
    to: redirectUri,
    fields: { error: 'temporarily_unavailable', state: fields.state },
  })
  fresh.entra.setWeather('fair')
  expect((await fresh.bring(fields)).status).toBe(303)
})

test.for([
  'https://evil.example/common/federation/externalauthprovider',
  'https://login.microsoftonline.com.evil.example/common/federation/externalauthprovider',
  `${externalAuthProviderOf('global')}/`,
  externalAuthProviderOf('china'),
  '',
  undefined,
])('a browser is never led to %s', async (uri) => {
  const led = await bring({ redirect_uri: uri })
  await expectPage(led, 400)
  expect(led.text).not.toContain('evil.example')
})

test('the other spelling of the parameter, of the documentation, is read', async () => {
  const led = await bring({ redirect_uri: undefined, redirect_url: redirectUri })
  expect(led.status).toBe(303)
})

test('what is no client of this tenant gets a page', async () => {
  const other = await provider.api('POST', '/v1/integrations', {
    relyingPartyId: provider.relyingPartyId,
    name: 'VPN',
    settings: { kind: 'wait' },
  })
  const ids = [other.json.id, 'int_00000000000000000000000000', 'x', '', undefined]
  for (const client_id of ids) await expectPage(await bring({ client_id }), 401)
})

test('a paused integration opens nothing', async () => {
  await provider.api('PATCH', `/v1/integrations/${clientId}`, { status: 'paused' })
  await expectPage(await bring(), 403)
})

test('a repeated parameter is refused, in the form and in the address', async () => {
  const fields = await form()
  const twice = `${new URLSearchParams(fields)}&redirect_uri=${encodeURIComponent(redirectUri)}`
  await expectPage(await provider.bring(twice), 400)
  await expectPage(await provider.follow(twice), 400)
})

test('a form that is too long is refused', async () => {
  expect((await bring({ more: 'a'.repeat(70_000) })).status).toBe(413)
  expect(await prompts()).toBe(0)
})

test('addresses that may call do not limit whose browser may come', async () => {
  const { id } = await provider.createEntraDoor({}, { allowedAddresses: ['192.0.2.1'] })
  expect((await bring({ client_id: id })).status).toBe(303)
})
