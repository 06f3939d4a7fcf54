// Clients of the Auth API let users in on 401 and on 5xx: on any fault, the deciding routes answer
// 200 and deny.

import { connect } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Simulator } from '../../../simulator/simulator.ts'
import { startService } from '../../../src/service/compose.ts'
import {
  type Answer,
  type AuthApiDoor,
  callSigned,
  createAuthApiDoor,
  type Misbehaviour,
  permitNone,
  questionTo,
} from '../../support/auth-api.ts'
import { createTestDatabase } from '../../support/database.ts'
import { freePort } from '../../support/ports.ts'
import {
  type Api,
  createApi,
  enrollPhone,
  type Phone,
  startTestSimulator,
  testConfig,
} from '../../support/running-service.ts'
import { startDatabaseLine } from '../../support/tcp-proxy.ts'
import { until } from '../../support/until.ts'

const stack = new AsyncDisposableStack()
let origin: string
let api: Api
let line: Awaited<ReturnType<typeof startDatabaseLine>>
let simulator: Simulator
let door: AuthApiDoor
let phone: Phone
beforeAll(async () => {
  simulator = await startTestSimulator()
  stack.defer(() => simulator.close())
  const database = stack.use(await createTestDatabase())
  line = await startDatabaseLine(database.url)
  stack.defer(() => line.close())
  const port = await freePort()
  origin = `http://127.0.0.1:${port}`
  const config = testConfig(simulator, line.url, port)
  const service = await startService(config, origin, pino({ level: 'silent' }))
  stack.defer(() => service.stop())
  api = createApi(origin, service.firstKey?.secret ?? '')
  phone = await enrollPhone({ api, simulator }, { user: 'ada' })
  door = await createAuthApiDoor({ api })
})
afterAll(() => stack.disposeAsync())

const preauth = { username: 'ada', text_prompt: '1' }
const routes = [
  ['POST', 'preauth', preauth],
  ['POST', 'auth', { username: 'ada', factor: 'push', device: 'auto' }],
  ['POST', 'auth', { username: 'ada', factor: 'push', device: 'auto', async: '1' }],
  ['GET', 'auth_status', { txid: 'chl_01jv9z3k8we2tvn4qh6yrx7b5c' }],
] as const

type SignedReply = { readonly status: number; readonly json: Answer }

function expectNo({ status, json }: SignedReply): void {
  expect(status).toBe(200)
  expect(json).toEqual({
    stat: 'OK',
    response: expect.objectContaining({
      result: 'deny',
      status: expect.stringMatching(/^(?:deny|locked_out|timeout)$/),
      status_msg: expect.stringMatching(/^[\x20-\x7e]+$/),
    }),
  })
}

/** Calls all deciding routes, and expects a denial; returns the texts for the user. */
async function everythingDenies(how: Misbehaviour = {}, at = door): Promise<string[]> {
  // At once: while the database is silent, each takes the longest time of a statement.
  const answering = routes.map(async ([method, name, params]) => {
    const reply = await callSigned(origin, at, method, name, params, how)
    expectNo(reply)
    // Without a txid to poll, a client would treat the answer to a challenge as a fault of the
    // service.
    if ('async' in params) expect(reply.json.response.txid).toMatch(/^denied\./)
    return reply.json.response.status_msg as string
  })
  return Promise.all(answering)
}

const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toUTCString()

describe('a caller that fails authentication is denied with 200', () => {
  test.each<[string, () => Misbehaviour]>([
    ['a wrong secret key', () => ({ secret: 'X'.repeat(40) })],
    ['a changed body', () => ({ form: 'username=eve&text_prompt=1&factor=push&txid=1' })],
    ['no credentials', () => ({ headers: { authorization: '' } })],
    ['malformed credentials', () => ({ headers: { authorization: 'Basic !!!' } })],
    ['a third part after key and signature', () => ({ loginEnd: ':more' })],
    ['a key of the API', () => ({ headers: { authorization: 'Bearer cs_x_y' } })],
    ['SHA-1', () => ({ algorithm: 'sha1' })],
    ['a date of 310 seconds ago', () => ({ date: ago(310) })],
    ['a date 310 seconds ahead', () => ({ date: ago(-310) })],
    ['no date', () => ({ date: '' })],
  ])('%s', async (_, how) => {
    await everythingDenies(how())
    const check = await callSigned(origin, door, 'GET', 'check', {}, how())
    expect([check.status, check.json.stat]).toEqual([401, 'FAIL'])
  })

  test('an unknown integration key, like a wrong secret', async () => {
    const unknown = { ...door, integrationKey: 'DIAAAAAAAAAAAAAAAAAA' }
    const wrong = { ...door, secret: 'X'.repeat(40) }
    expect(await everythingDenies({}, unknown)).toEqual(await everythingDenies({}, wrong))
    const [one, other] = await Promise.all(
      [unknown, wrong].map((at) => callSigned(origin, at, 'GET', 'check')),
    )
    expect(one).toEqual(other)
  })

  test('a date of 290 seconds ago is still good, whichever header carries it', async () => {
    for (const dateHeader of ['x-duo-date', 'date']) {
      const how = { date: ago(290), dateHeader }
      expect((await callSigned(origin, door, 'GET', 'check', {}, how)).status).toBe(200)
    }
  })
})

describe('a caller without access is denied with 200', () => {
  test('through a paused integration, and one that was removed', async () => {
    const other = await createAuthApiDoor({ api })
    await other.change({ status: 'paused' })
    await until('it is paused', async () => {
      const { json } = await callSigned(origin, other, 'POST', 'preauth', preauth)
      return json.response.result === 'deny'
    })
    const [message] = await everythingDenies({}, other)
    expect(message).toContain('paused')
    expect((await api('DELETE', `/v1/integrations/${other.id}`)).status).toBe(204)
    await everythingDenies({}, other)
  })

  test('with a secret that was rotated away', async () => {
    const other = await createAuthApiDoor({ api })
    await api('POST', `/v1/integrations/${other.id}/rotate`, { overlapSeconds: 0 })
    await everythingDenies({}, other)
  })

  test('from another network', async () => {
    const other = await createAuthApiDoor({ api }, { allowedAddresses: ['192.0.2.0/24'] })
    const [message] = await everythingDenies({}, other)
    expect(message).toContain('network')
    expect(await until('it is recorded', () => other.lastError())).toBe('address_not_allowed')
  })
})

test('a query next to a body, which no signature covers, is denied with 200', async () => {
  const pathWithQuery = 'preauth?username=ada'
  expectNo(await callSigned(origin, door, 'POST', pathWithQuery, preauth))
})

test('SHA-1 is accepted where the integration allows it, and nowhere else', async () => {
  const settings = { kind: 'duo_auth_api', sha1Allowed: true }
  const old = await createAuthApiDoor({ api }, { settings })
  const how = { algorithm: 'sha1' } as const
  expect((await callSigned(origin, old, 'GET', 'check', {}, how)).status).toBe(200)
  const { json } = await callSigned(origin, old, 'POST', 'preauth', preauth, how)
  expect(json.response.result).toBe('auth')
})

test('a client that fails open is refused unless the integration permits it', async () => {
  const open = { ...preauth, failmode: 'open' }
  const refusal = await callSigned(origin, door, 'POST', 'preauth', open)
  expectNo(refusal)
  expect(refusal.json.response.status_msg).toContain('failmode=secure')
  const failClosed = { ...preauth, failmode: 'closed' }
  const preauthReply = await callSigned(origin, door, 'POST', 'preauth', failClosed)
  expect(preauthReply.json.response.result).toBe('auth')
  const settings = { kind: 'duo_auth_api', failOpenAllowed: true }
  const openDoor = await createAuthApiDoor({ api }, { settings })
  const { json } = await callSigned(origin, openDoor, 'POST', 'preauth', open)
  expect(json.response.result).toBe('auth')
})

describe('a call of another format is denied with 200', () => {
  test.each<[string, Misbehaviour]>([
    ['another content type', { headers: { 'content-type': 'text/plain' } }],
    ['a malformed form', { form: '%zz=1' }],
    ['a duplicate member', { signedForm: 'factor=push&text_prompt=1&username=aaa&username=ada' }],
    ['a body that is too long', { form: `username=${'x'.repeat(40_000)}` }],
    ['malformed JSON', { form: '{"username":', headers: { 'content-type': 'application/json' } }],
    [
      'JSON with objects in it',
      { form: '{"username":{"a":1}}', headers: { 'content-type': 'application/json' } },
    ],
  ])('%s', async (_, how) => {
    for (const name of ['preauth', 'auth']) {
      expectNo(await callSigned(origin, door, 'POST', name, preauth, how))
    }
  })

  test.each([
    { factor: 'push' },
    { username: 'ada' },
    { username: 'ada', factor: 'sms' },
    { username: 'ada', factor: 'phone' },
    { username: 'ada', factor: 'prompt', prompt: 'phone1' },
    { username: 'ada', factor: 'prompt', prompt: '' },
    { username: 'ada', factor: 'passcode' },
    { username: 'ada', factor: 'push', device: 'DPXXXX' },
    { username: 'x'.repeat(256), factor: 'push' },
    { user_id: 'usr_01jv9z3k8we2tvn4qh6yrx7b5c', factor: 'push' },
  ])('%j', async (params) => {
    for (const async of ['0', '1']) {
      expectNo(await callSigned(origin, door, 'POST', 'auth', { ...params, async }))
    }
  })
})

test('a body that is too long is drained before the denial: a cut-off client treats that as an outage', async () => {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  stack.defer(() => void socket.destroy())
  let requestText = ''
  socket.on('data', (bytes) => {
    requestText += bytes
  })
  const [half, length] = ['x'.repeat(320 * 1024), 640 * 1024]
  const head = [
    'POST /auth/v2/auth HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${length}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${half}`)
  // The service has had the time to answer: others were served meanwhile.
  for (let others = 0; others < 20; others++) await callSigned(origin, door, 'GET', 'ping')
  expect(requestText).toBe('')
  socket.write(half)
  await until('the no', () => requestText.includes('"result":"deny"'))
  expect(requestText).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
})

describe.each(['refusing', 'silent'] as const)('while the database is %s', (state) => {
  test('every deciding route denies with 200, ping still works, and it recovers by itself', async () => {
    const free = await createAuthApiDoor({ api })
    const user = `outage-${state}`
    const promptedPhone = await enrollPhone({ api, simulator }, { user })
    await permitNone({ api }, free)
    const push = { username: user, factor: 'push', device: 'auto', async: '1' }
    const { txid } = (await callSigned(origin, free, 'POST', 'auth', push)).json.response
    const question = await questionTo(promptedPhone)
    line.set(state)
    const status = callSigned(origin, free, 'GET', 'auth_status', { txid })
    await everythingDenies({}, free)
    expectNo(await status)
    expect((await callSigned(origin, free, 'GET', 'ping')).json.stat).toBe('OK')
    const check = await callSigned(origin, free, 'GET', 'check')
    expect([503, 200]).toContain(check.status)
    line.set('open')
    await until('the service is ready again', async () => {
      const { status } = await api('GET', '/health/ready')
      return status === 200
    })
    await promptedPhone.client.approve(question, null)
    const after = await callSigned(origin, free, 'GET', 'auth_status', { txid })
    expect(after.json.response.result).toBe('allow')
    await api('PATCH', '/v1/policy', { numberNoneAllowedFor: [] })
  })
})

test('an unknown user and a suspended one are denied, and only they', async () => {
  const stranger = await callSigned(origin, door, 'POST', 'preauth', {
    ...preauth,
    username: 'nobody',
  })
  expectNo(stranger)
  const suspension = await api('PATCH', `/v1/users/${phone.userId}`, { status: 'suspended' })
  expect(suspension.status).toBe(200)
  await everythingDenies()
  await api('PATCH', `/v1/users/${phone.userId}`, { status: 'active' })
  const back = await callSigned(origin, door, 'POST', 'preauth', preauth)
  expect(back.json.response.result).toBe('auth')
})
