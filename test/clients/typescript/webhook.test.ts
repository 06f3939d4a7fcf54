// The receiver of Standard Webhooks, against the specification's own library as sender, and as a
// second verifier.

import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { RefusedWebhook, verifyWebhook } from '../../../clients/typescript/src/client.ts'

const newSecret = (bytes = 32) => `whsec_${randomBytes(bytes).toString('base64')}`
const secret = newSecret()
const body = JSON.stringify({ type: 'challenge.approved', data: { id: 'chl_1', word: 'für dich' } })
const sentAt = new Date(Math.floor(Date.now() / 1000) * 1000)
const later = (seconds: number) => ({ now: () => new Date(sentAt.getTime() + seconds * 1000) })

const signatureOf = (text: string, key = secret, id = 'msg_1', at = sentAt) =>
  new Webhook(key).sign(id, at, text)

const headersWith = (signature: string, at = sentAt) => ({
  'webhook-id': 'msg_1',
  'webhook-timestamp': String(at.getTime() / 1000),
  'webhook-signature': signature,
})
const honest = headersWith(signatureOf(body))

async function refusalOf(verification: Promise<unknown>): Promise<string> {
  const error = await verification.then(
    () => new Error('it was accepted'),
    (reason: unknown) => reason,
  )
  if (error instanceof RefusedWebhook) return error.code
  throw error
}

test('signatures of the specification’s library are accepted, from either kind of headers and body', async () => {
  const verifiedWebhook = { id: 'msg_1', sentAt, payload: JSON.parse(body) }
  const bytes = new TextEncoder().encode(body)
  const capitals = Object.fromEntries(Object.entries(honest).map(([k, v]) => [k.toUpperCase(), v]))
  for (const headers of [honest, new Headers(honest), capitals]) {
    expect(await verifyWebhook(body, headers, secret)).toEqual(verifiedWebhook)
    expect(await verifyWebhook(bytes, headers, secret)).toEqual(verifiedWebhook)
    expect(await verifyWebhook(Buffer.from(body), headers, secret)).toEqual(verifiedWebhook)
  }
})

test('the specification’s library and this client agree', async () => {
  const cases = [
    honest,
    headersWith(signatureOf(body, newSecret())),
    headersWith(signatureOf(`${body} `)),
    headersWith(signatureOf(body, secret, 'msg_2')),
    headersWith(`v1a,AAAA ${signatureOf(body)}`),
    headersWith(signatureOf(body).replace('v1,', 'v2,')),
    headersWith(''),
    headersWith(signatureOf(body, secret, 'msg_1', new Date(0)), new Date(0)),
  ]
  const verdicts = []
  for (const headers of cases) {
    const ours = await verifyWebhook(body, headers, secret).then(
      () => true,
      () => false,
    )
    const theirs = (() => {
      try {
        new Webhook(secret).verify(body, headers)
        return true
      } catch {
        return false
      }
    })()
    expect(ours, headers['webhook-signature']).toBe(theirs)
    verdicts.push(ours)
  }
  expect(verdicts).toEqual([true, false, false, false, true, false, false, false])
})

test('a changed body, id or time is rejected', async () => {
  for (const tamperedBody of [
    body.replace('approved', 'denied'),
    `${body}\n`,
    '',
    body.normalize('NFD'),
  ]) {
    expect(await refusalOf(verifyWebhook(tamperedBody, honest, secret))).toBe('signature_invalid')
  }
  const changes = [
    { 'webhook-id': 'msg_2' },
    { 'webhook-timestamp': String(sentAt.getTime() / 1000 + 1) },
  ]
  for (const change of changes) {
    const refusal = verifyWebhook(body, { ...honest, ...change }, secret)
    expect(await refusalOf(refusal)).toBe('signature_invalid')
  }
})

test('five minutes on either side are accepted, more are rejected', async () => {
  await verifyWebhook(body, honest, secret, later(300))
  await verifyWebhook(body, honest, secret, later(-300))
  expect(await refusalOf(verifyWebhook(body, honest, secret, later(301)))).toBe('too_old')
  expect(await refusalOf(verifyWebhook(body, honest, secret, later(-301)))).toBe('too_new')
})

test('during a rotation of the secret either side may switch first', async () => {
  const next = newSecret()
  const both = `${signatureOf(body, secret)} ${signatureOf(body, next)}`
  for (const oneSecret of [secret, next]) await verifyWebhook(body, headersWith(both), oneSecret)
  for (const oneSecret of [secret, next]) {
    await verifyWebhook(body, headersWith(signatureOf(body, oneSecret)), [secret, next])
  }
  expect(await refusalOf(verifyWebhook(body, headersWith(both), newSecret()))).toBe(
    'signature_invalid',
  )
})

test('malformed signatures are skipped', async () => {
  const signature = signatureOf(body)
  const odd = [
    '',
    ' ',
    'v1',
    'v1,',
    'v1,%%%',
    'v1,AAAA',
    signature.slice(3),
    signature.slice(0, -5),
  ]
  for (const text of odd) {
    const refusal = await refusalOf(verifyWebhook(body, headersWith(text), secret))
    expect(['signature_invalid', 'headers_missing']).toContain(refusal)
  }
  await verifyWebhook(body, headersWith(`${odd.join(' ')} ${signature}`), secret)
  const flood = `${'v1,AAAA '.repeat(1000)}${signature}`
  expect(await refusalOf(verifyWebhook(body, headersWith(flood), secret))).toBe('signature_invalid')
})

test('missing, duplicate or malformed headers are rejected', async () => {
  for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const) {
    for (const value of [undefined, '', [honest[name], honest[name]]]) {
      const refusal = verifyWebhook(body, { ...honest, [name]: value }, secret)
      expect(await refusalOf(refusal)).toBe('headers_missing')
    }
    const twice = { ...honest, [name.toUpperCase()]: honest[name] }
    expect(await refusalOf(verifyWebhook(body, twice, secret))).toBe('headers_missing')
  }
  for (const timestamp of ['soon', '-1', '1e9', '1.5', ' 1', '0x10', sentAt.toISOString()]) {
    const refusal = verifyWebhook(body, { ...honest, 'webhook-timestamp': timestamp }, secret)
    expect(await refusalOf(refusal)).toBe('headers_malformed')
  }
})

test('a signed body that is not JSON is rejected', async () => {
  const headers = headersWith(signatureOf('hello'))
  expect(await refusalOf(verifyWebhook('hello', headers, secret))).toBe('body_malformed')
})

test('an invalid secret is a fault of the receiver, not of the webhook', async () => {
  const bad = [
    '',
    'whsec_',
    secret.slice(6),
    `whsec_${'A'.repeat(30)}`,
    newSecret(23),
    newSecret(65),
    'whsec_é',
  ]
  for (const text of bad) {
    await expect(verifyWebhook(body, honest, text), text).rejects.toThrow(TypeError)
    await expect(verifyWebhook(body, honest, [secret, text]), text).rejects.toThrow(TypeError)
  }
  await expect(verifyWebhook(body, honest, [])).rejects.toThrow(TypeError)
})

test('a body that was parsed already is rejected with the reason', async () => {
  const parsedBody = JSON.parse(body) as string
  await expect(verifyWebhook(parsedBody, honest, secret)).rejects.toThrow('raw body')
})
