// Every route of the Auth API, called by every kind of caller: the part that the matrix of all
// routes (authorisation-matrix.test.ts) omits, since these answer in a wire format of others.

import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isRefusal } from '../../../src/domain/refusal.ts'
import { scopes } from '../../../src/domain/scope.ts'
import { openOperations } from '../../../src/service/open-operations.ts'
import {
  type Answer,
  type AuthApiDoor,
  callSigned,
  createAuthApiDoor,
  type Misbehaviour,
} from '../../support/auth-api.ts'
import { onServer } from '../../support/cluster.ts'
import { createWaitDoor } from '../../support/doors.ts'
import { expectGranted } from '../../support/expect-granted.ts'
import { openApiFile } from '../../support/openapi-file.ts'
import {
  createApi,
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'

const stack = new AsyncDisposableStack()
let service: RunningService
let door: AuthApiDoor
let sibling: AuthApiDoor
let foreign: AuthApiDoor
let wait: { readonly id: string; readonly secret: string }
let phone: Phone
let txid: string
let enrollment: { readonly user_id: string; readonly activation_code: string }

const settings = { kind: 'duo_auth_api', enrollmentAllowed: true }
beforeAll(async () => {
  service = stack.use(await startTestService({ role: 'api' }))
  const operator = await openOperations(service.config, service.origin, pino({ level: 'silent' }))
  const tenant = await expectGranted(operator.createTenant('Other'))
  const party = await expectGranted(
    operator.createRelyingParty({
      tenantId: tenant.id,
      name: 'Other',
      namespaces: ['default'],
    }),
  )
  const input = { tenantId: tenant.id, rpId: party.id, name: 'x', scopes, expiresAt: null }
  const key = await operator.createApiKey(input)
  if (isRefusal(key)) throw new Error(key.refused)
  await operator.close()
  door = await createAuthApiDoor(service, { settings })
  sibling = await createAuthApiDoor(service, { settings })
  foreign = await createAuthApiDoor({ api: createApi(service.origin, key.secret) }, { settings })
  wait = await createWaitDoor(service)
  phone = await enrollPhone(service, { user: 'ada' })
  const policy = { profile: 'compat', enrollmentConfirmation: false }
  await service.api('PATCH', '/v1/policy', policy)
  const preauth = { username: 'ada', text_prompt: '1' }
  await callSigned(service.origin, door, 'POST', 'preauth', preauth)
  const push = { username: 'ada', factor: 'push', device: 'auto', async: '1' }
  txid = (await callSigned(service.origin, door, 'POST', 'auth', push)).json.response.txid
  const enroll = { username: 'made-at-the-door' }
  enrollment = (await callSigned(service.origin, door, 'POST', 'enroll', enroll)).json.response
})
afterAll(() => stack.disposeAsync())

type Call = readonly ['GET' | 'POST', string, Readonly<Record<string, string>>]
const calls = (): Call[] => [
  ['GET', 'check', {}],
  ['GET', 'logo', {}],
  ['POST', 'enroll', { username: 'new-one' }],
  ['POST', 'enroll_status', enrollment],
  ['POST', 'preauth', { username: 'ada', text_prompt: '1' }],
  ['POST', 'auth', { username: 'ada', factor: 'push', device: phone.deviceId }],
  ['GET', 'auth_status', { txid }],
]

/** The outcome of an answer. */
function verdict({ status, json }: { readonly status: number; readonly json: Answer }): string {
  if (status !== 200) return `${status} ${json?.code}`
  const { response } = json
  return typeof response === 'string' ? response : (response?.result ?? 'told')
}

async function verdicts(at: Pick<AuthApiDoor, 'integrationKey' | 'secret'>, how?: Misbehaviour) {
  const results: Record<string, string> = {}
  for (const [method, name, params] of calls()) {
    const reply = await callSigned(service.origin, at, method, name, params, how)
    results[name] = verdict(reply)
  }
  return results
}

/** Row counts of the tables that a call could write. */
function rows(): Promise<unknown> {
  return onServer(service.database.url, async (client) => {
    const tables = ['challenges', 'users', 'enrollments', 'shown_numbers', 'activities']
    const countColumns = tables.map((one) => `(select count(*)::int from ${one}) as ${one}`)
    const { rows: counts } = await client.query(`select ${countColumns.join()},
      (select sum(answers)::int from followed_challenges) as answers`)
    return counts[0]
  })
}

const refusals = {
  check: '401 40103',
  logo: '403 40301',
  enroll: '403 40301',
  enroll_status: '403 40301',
  preauth: 'deny',
  auth: 'deny',
  auth_status: 'deny',
}

test('there are as many routes as in openapi.yaml', () => {
  const paths = Object.keys(openApiFile.paths)
  const describedPaths = paths.filter((one) => one.startsWith('/auth/v2/'))
  const calledPaths = [...calls().map(([, name]) => name), 'ping'].map((name) => `/auth/v2/${name}`)
  expect(describedPaths.sort()).toEqual(calledPaths.sort())
})

describe('no other caller learns or changes anything', () => {
  test.each<[string, () => Promise<Record<string, string>>]>([
    ['nobody', () => verdicts(door, { headers: { authorization: '' } })],
    ['an admin key', () => verdicts(door, { headers: { authorization: `Bearer ${service.key}` } })],
    [
      'an integration of another kind',
      () => verdicts({ integrationKey: wait.id, secret: wait.secret }),
    ],
    [
      'one with the integration key but not the secret',
      () => verdicts({ ...door, secret: 'A'.repeat(40) }),
    ],
    [
      'one that sends the secret instead of signing',
      () => {
        const login = Buffer.from(`${door.integrationKey}:${door.secret}`).toString('base64')
        return verdicts(door, { headers: { authorization: `Basic ${login}` } })
      },
    ],
    [
      'an integration that signs with the secret of another',
      () => verdicts({ ...door, secret: sibling.secret }),
    ],
  ])('%s', async (_, call) => {
    const before = await rows()
    expect(await call()).toEqual(refusals)
    expect(await rows()).toEqual(before)
  })

  test('an integration of another tenant, whose users are others', async () => {
    const before = (await rows()) as { challenges: number }
    const results = await verdicts(foreign)
    expect(results).toMatchObject({
      check: 'told',
      enroll_status: 'invalid',
      preauth: 'deny',
      auth: 'deny',
      auth_status: 'deny',
    })
    expect(((await rows()) as { challenges: number }).challenges).toBe(before.challenges)
  })

  test('another integration of the relying party, which follows no challenge of this one', async () => {
    const params = { txid }
    const { json } = await callSigned(service.origin, sibling, 'GET', 'auth_status', params)
    expect(json.response.result).toBe('deny')
  })
})

test('a client of the integration is served', async () => {
  const enrollReply = await callSigned(service.origin, door, 'POST', 'enroll', { username: 'own' })
  expect(enrollReply.json.response).toMatchObject({
    activation_barcode: expect.stringMatching(/^data:image\/png;base64,/),
    activation_code: expect.stringMatching(/^enr_/),
    user_id: expect.stringMatching(/^usr_/),
    username: 'own',
  })
  const { user_id, activation_code } = enrollReply.json.response
  const statusParams = { user_id, activation_code }
  const status = await callSigned(service.origin, door, 'POST', 'enroll_status', statusParams)
  expect(status.json).toEqual({ stat: 'OK', response: 'waiting' })
  const wrong = { user_id: phone.userId, activation_code }
  const other = await callSigned(service.origin, door, 'POST', 'enroll_status', wrong)
  expect(other.json.response).toBe('invalid')
  const cancellation = await service.api('POST', `/v1/enrollments/${activation_code}/cancel`)
  expect(cancellation.status).toBe(200)
  const over = await callSigned(service.origin, door, 'POST', 'enroll_status', statusParams)
  expect(over.json.response).toBe('invalid')
  const ping = await fetch(`${service.origin}/auth/v2/ping`)
  expect(await ping.json()).toMatchObject({ stat: 'OK' })
})

describe('no one is enrolled at a door', () => {
  const enroll = (at: AuthApiDoor, username: string, more: object = {}) =>
    callSigned(service.origin, at, 'POST', 'enroll', { username, ...more })

  test('for a known user, or a stolen secret would enroll a phone for them', async () => {
    const { json } = await enroll(door, 'ada')
    expect(json).toMatchObject({ stat: 'FAIL', message_detail: 'identifier_taken' })
  })

  test('unless the integration allows it, and the policy does without the number that confirms', async () => {
    const plain = await createAuthApiDoor(service)
    expect((await enroll(plain, 'x1')).status).toBe(403)
    await service.api('PATCH', '/v1/policy', { enrollmentConfirmation: true })
    expect((await enroll(door, 'x2')).status).toBe(403)
    await service.api('PATCH', '/v1/policy', { enrollmentConfirmation: false })
  })

  test('with codes that let in without a device', async () => {
    expect((await enroll(door, 'x3', { bypass_codes: '5' })).status).toBe(400)
  })
})
