import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loggerOptions } from '../../src/platform/http/logging.ts'
import { callSigned } from '../support/auth-api.ts'
import { everythingStored } from '../support/everything-stored.ts'
import { enrollPhone, type RunningService, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'

let service: RunningService
let log = ''
beforeAll(async () => {
  const sink = new Writable({
    write(chunk, _encoding, callback) {
      log += chunk
      callback()
    },
  })
  service = await startTestService({}, pino(loggerOptions('trace'), sink))
})
afterAll(() => service[Symbol.asyncDispose]())

/** The types of all signed objects in a text. */
function signedTypes(text: string): unknown[] {
  const headers = text.matchAll(/(eyJ[\w-]+)\.[\w-]+\.[\w-]{86}/g)
  return [...headers].map(
    ([, header = '']) => JSON.parse(Buffer.from(header, 'base64url').toString()).typ,
  )
}

test('the number is in the create response and nowhere else', async () => {
  const phone = await enrollPhone(service, { user: 'alice' })
  const everythingSaid: string[] = []
  // A canary: no other text of the run contains these eight digits.
  const input = { user: 'alice', number: { mode: 'service', digits: 8 }, context: { action: 'x' } }
  const headers = { 'idempotency-key': 'canary' }
  const creation = await service.api('POST', '/v1/challenges', input, headers)
  const { id, number } = creation.json
  expect(number).toMatch(/^\d{8}$/)

  await until('the push arrives', () => phone.pushes[0])
  everythingSaid.push(JSON.stringify(phone.pushes))
  const { requests } = await phone.client.pending()
  everythingSaid.push(JSON.stringify(requests))
  everythingSaid.push(JSON.stringify(await phone.client.activities()))
  for (const path of [
    `/v1/challenges/${id}`,
    '/v1/challenges?user=alice',
    `/v1/users/${phone.userId}/activities`,
    '/metrics',
  ]) {
    everythingSaid.push((await service.api('GET', path)).text)
  }
  everythingSaid.push(await everythingStored(service.database.url))

  const replay = await service.api('POST', '/v1/challenges', input, headers)
  expect(replay.status).toBe(200)
  expect(replay.json.number).toBe(number)

  const [request] = requests
  if (!request) throw new Error('nothing is pending')
  await expect(phone.client.approve(request, '00000000')).rejects.toThrow()
  everythingSaid.push(await everythingStored(service.database.url))
  await phone.client.approve(request, number)
  everythingSaid.push((await service.api('GET', `/v1/challenges/${id}`)).text)
  everythingSaid.push(JSON.stringify(await phone.client.activities()))

  // The deciding answer contains the typed number, as evidence; the sealed number is deleted at the
  // end.
  const late = await service.api('POST', '/v1/challenges', input, headers)
  expect(late.json.number).toBeNull()
  everythingSaid.push(log)
  for (const text of everythingSaid) expect(text).not.toContain(number)
})

test('where a challenge leads back is in no push, no log line and no result: in the request alone', async () => {
  const [{ id: rpId }] = (await service.api('GET', '/v1/relying-parties')).json.items
  const origins = { returnOrigins: ['https://bank.example.com'] }
  expect((await service.api('PATCH', `/v1/relying-parties/${rpId}`, origins)).status).toBe(200)
  const phone = await enrollPhone(service, { user: 'rita' })
  const returnUrl = 'https://bank.example.com/canary'
  const creation = await service.api('POST', '/v1/challenges', { user: 'rita', returnUrl })
  expect(creation.json).toMatchObject({ returnUrl })
  await until('the push arrives', () => phone.pushes[0])
  const { requests } = await phone.client.pending()
  const [request] = requests
  if (!request) throw new Error('nothing is pending')
  expect(request.returnUrl).toBe(returnUrl)
  await phone.client.approve(request, creation.json.number)
  const path = `/v1/challenges/${creation.json.id}`
  const { result } = (await service.api('GET', path)).json
  const evidence = (await service.api('GET', `${path}/evidence`)).json
  const claimsOf = (jws: string) => Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()
  expect(JSON.parse(claimsOf(evidence.request))).toMatchObject({ ver: 2, returnUrl })
  for (const text of [
    claimsOf(result),
    claimsOf(evidence.answer),
    JSON.stringify(phone.pushes),
    log,
  ]) {
    expect(text).not.toContain('canary')
    expect(text.length).toBeGreaterThan(0)
  }
})

test('a number that a client shows before the challenge is in its answer and nowhere else', async () => {
  const [{ id: relyingPartyId }] = (await service.api('GET', '/v1/relying-parties')).json.items
  const settings = { kind: 'duo_auth_api' }
  const input = { relyingPartyId, name: 'x', settings, policy: { numberDigits: 8 } }
  const door = (await service.api('POST', '/v1/integrations', input)).json
  const phone = await enrollPhone(service, { user: 'dora' })
  const call = (name: string, params: Record<string, string>) =>
    callSigned(service.origin, door, 'POST', name, params)
  const offer = await call('preauth', { username: 'dora', text_prompt: '1' })
  const { verification_code: number, prompt } = offer.json.response
  // A canary: no other text of the run contains these eight digits.
  expect(prompt.text).toContain(number)
  expect(number).toMatch(/^\d{8}$/)
  const everythingSaid = [await everythingStored(service.database.url)]
  const push = { username: 'dora', factor: 'prompt', prompt: 'push1', async: '1' }
  const { txid } = (await call('auth', push)).json.response
  await until('the push arrives', () => phone.pushes[0])
  const { requests } = await phone.client.pending()
  everythingSaid.push(
    JSON.stringify([phone.pushes, requests]),
    await everythingStored(service.database.url),
  )
  for (const path of [`/v1/challenges/${txid}`, `/v1/integrations/${door.id}`, '/metrics']) {
    everythingSaid.push((await service.api('GET', path)).text)
  }
  everythingSaid.push(log)
  for (const text of everythingSaid) expect(text).not.toContain(number)
  for (const text of [await everythingStored(service.database.url), log]) {
    expect(text).not.toContain(door.secret)
    expect(text).not.toMatch(/"authorization":"Basic/i)
  }
})

test('keys, codes, tokens and proofs are neither in the log nor readable in the database', async () => {
  const enrollment = await service.api('POST', '/v1/enrollments', {
    user: 'bob',
    displayName: 'Bob',
  })
  const phone = await enrollPhone(service, { user: 'carol' })
  const challenge = await service.api('POST', '/v1/challenges', { user: 'carol' })
  await phone.client.pending()
  await service.api('POST', `/v1/challenges/${challenge.json.id}/cancel`)
  const user = `/v1/users/${phone.userId}`
  const recovery = await service.api('POST', `${user}/recovery-codes`, {})
  const temporary = await service.api('POST', `${user}/temporary-codes`, {})
  const codes = [...recovery.json.codes, temporary.json.code] as string[]
  for (const code of [recovery.json.codes[0], temporary.json.code]) {
    const acceptance = await service.api('POST', `${user}/passcodes/verify`, { code })
    expect(acceptance.status).toBe(200)
  }
  const [{ id: relyingPartyId }] = (await service.api('GET', '/v1/relying-parties')).json.items
  const doors = await Promise.all(
    [{ kind: 'wait' }, { kind: 'duo_auth_api' }].map(async (settings) => {
      const input = { relyingPartyId, name: 'x', settings }
      const door = (await service.api('POST', '/v1/integrations', input)).json
      const rotation = await service.api('POST', `/v1/integrations/${door.id}/rotate`, {})
      return [door.secret, rotation.json.secret] as string[]
    }),
  )
  const secrets = [
    ...doors.flat(),
    phone.client.account.passcode?.secret ?? '',
    ...codes.flatMap((code) => [code, code.replaceAll('-', '')]),
    service.key,
    service.key.slice(-43),
    enrollment.json.code,
    enrollment.json.code.replace('-', ''),
    enrollment.json.uri.split('#')[1],
    phone.token,
  ]
  const database = await everythingStored(service.database.url)
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(5)
    expect(log).not.toContain(secret)
    expect(database).not.toContain(secret)
  }
  // Heads of the audit record are logged so that they are stored apart from the database; they
  // grant no access.
  await until(
    'an audit head is in the log',
    () => signedTypes(log).includes('audit-head+jwt'),
    20_000,
  )
  expect(new Set(signedTypes(log))).toEqual(new Set(['audit-head+jwt', 'audit-checkpoint+jwt']))
})
