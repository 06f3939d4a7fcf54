// Version 1 of the Auth API: its clients sign no date, read every fault as an outage, and let
// people in after twenty unfinished answers.

import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Answer,
  type AuthApiDoor,
  callSigned,
  createAuthApiDoor,
  type Misbehaviour,
  permitNone,
  questionTo,
} from '../../support/auth-api.ts'
import { onServer } from '../../support/cluster.ts'
import { createWaitDoor } from '../../support/doors.ts'
import { callLegacy, type LegacyMisbehaviour } from '../../support/legacy-auth-api.ts'
import {
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'

const stack = new AsyncDisposableStack()
const settings = { kind: 'duo_auth_api', legacyV1Allowed: true }
const allowedAddresses = ['127.0.0.1', '::1', '::ffff:127.0.0.1']
let service: RunningService
let door: AuthApiDoor
beforeAll(async () => {
  service = stack.use(await startTestService())
  door = await createAuthApiDoor(service, { settings, allowedAddresses })
})
afterAll(() => stack.disposeAsync())

type Params = Readonly<Record<string, string>>

const at = (user: string): Params => ({ user, ipaddr: '203.0.113.7', hostname: 'bastion-1' })
const preauthOf = (user: string): Params => ({ ...at(user), failmode: 'closed' })
const authOf = (user: string, auto = 'push1', async = '1'): Params => ({
  ...at(user),
  ...{ factor: 'auto', auto, async, pushinfo: 'Server+IP=192.0.2.1&Command=' },
})

async function post(
  name: 'preauth' | 'auth',
  params: Params,
  how?: LegacyMisbehaviour,
  of = door,
): Promise<Answer> {
  return (await callLegacy(service.origin, of, 'POST', name, params, how)).json.response
}
async function status(txid: string, how?: LegacyMisbehaviour): Promise<Answer> {
  return (await callLegacy(service.origin, door, 'GET', 'status', { txid }, how)).json.response
}

const numberIn = (text: string) => /type (\d{6}) there/.exec(text)?.[1] ?? ''
const requestsTo = async ({ client }: Phone) => (await client.pending()).requests

/** The offer of the next sign-in counts again as if it were long after the last one. */
function afterThePause(): Promise<unknown> {
  return onServer(service.database.url, (client) =>
    client.query(`update shown_numbers set expires_at = expires_at - interval '11 s'`),
  )
}

const calls = [
  ['POST', 'preauth', preauthOf('ada')],
  ['POST', 'auth', authOf('ada')],
  ['POST', 'auth', authOf('ada', 'push1', '0')],
  ['GET', 'status', { txid: 'chl_01jv9z3k8we2tvn4qh6yrx7b5c' }],
] as const

/** Calls all routes in both formats, and expects a denial that no client takes for an outage. */
async function everythingDenies(
  how: LegacyMisbehaviour,
  of: Pick<AuthApiDoor, 'integrationKey' | 'secret'> = door,
): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const format of ['json', 'bson'] as const) {
    for (const [method, name, params] of calls) {
      const more = { format, ...how }
      const reply = await callLegacy(service.origin, of, method, name, params, more)
      expect([reply.status, reply.type, reply.json.stat]).toEqual([
        200,
        expect.stringContaining(`application/${format}`),
        'OK',
      ])
      const { response } = reply.json
      expect(response).toMatchObject({ result: 'deny', status: expect.stringMatching(/^[ -~]+$/) })
      if (name === 'auth') expect(response.txid).toMatch(/^denied\./)
      answers.push(response)
    }
  }
  return answers
}

describe('a sign-in', () => {
  test.each(['json', 'bson'] as const)('is offered, asked and followed in %s', async (format) => {
    const user = `followed-${format}`
    const phone = await enrollPhone(service, { user })
    const offer = await post('preauth', preauthOf(user), { format })
    expect(offer).toEqual({
      result: 'auth',
      status: 'The account is active.',
      prompt: expect.stringMatching(/^Sign in as .+\n\n 1\. Approve on your phone and type \d{6} /),
      factors: { 1: 'push1', default: 'no_terminal' },
    })
    const { txid, ...rest } = await post('auth', authOf(user), { format })
    expect([txid, rest]).toEqual([expect.stringMatching(/^chl_/), {}])
    const waiting = status(txid, { format })
    await phone.client.approve(await questionTo(phone), numberIn(offer.prompt))
    expect(await waiting).toEqual({ result: 'allow', status: 'Success. You are signed in.' })
  })

  test('is waited for in one call where the client wants that', async () => {
    const phone = await enrollPhone(service, { user: 'sync' })
    const { prompt } = await post('preauth', preauthOf('sync'))
    const decision = post('auth', authOf('sync', 'push1', '0'))
    await phone.client.approve(await questionTo(phone), numberIn(prompt))
    expect(await decision).toEqual({ result: 'allow', status: 'Success. You are signed in.' })
  })

  test('has no result while it is pending, and is denied at the fifteenth answer', async () => {
    const phone = await enrollPhone(service, { user: 'pending' })
    const { prompt } = await post('preauth', preauthOf('pending'))
    const { txid } = await post('auth', authOf('pending'))
    const question = await questionTo(phone)
    await onServer(service.database.url, (client) =>
      client.query('update followed_challenges set hold_ms = 1 where challenge_id = $1', [txid]),
    )
    for (let answers = 0; answers < 14; answers++) {
      expect(await status(txid)).toEqual({ status: 'Waiting for your answer on the phone.' })
    }
    expect(await status(txid)).toMatchObject({ result: 'deny' })
    await expect(phone.client.approve(question, numberIn(prompt))).rejects.toThrow()
  })

  test('by a code alone, of a person whom nobody can ask, takes an offer as well', async () => {
    const phone = await enrollPhone(service, { user: 'phoneless' })
    const path = `/v1/users/${phone.userId}/recovery-codes`
    const [one, other] = (await service.api('POST', path, {})).json.codes
    await phone.client.unregister()
    const offer = await post('preauth', preauthOf('phoneless'))
    expect([offer.factors, offer.prompt]).toEqual([
      { default: 'no_terminal' },
      expect.stringMatching(/^Sign in as phoneless\n\n[^0-9]+\n\nCode: $/),
    ])
    expect(await post('auth', authOf('phoneless', one, '0'))).toMatchObject({ result: 'allow' })
    expect(await post('auth', authOf('phoneless', other, '0'))).toMatchObject({ result: 'deny' })
    await post('preauth', preauthOf('phoneless'))
    expect(await post('auth', authOf('phoneless', other, '0'))).toMatchObject({ result: 'allow' })
  })

  test('without a number asks once for each offer, too', async () => {
    const free = await createAuthApiDoor(service, { settings, allowedAddresses })
    const phone = await enrollPhone(service, { user: 'numberless' })
    await permitNone(service, free)
    const early = await post('auth', authOf('numberless'), {}, free)
    expect(early).toMatchObject({ result: 'deny' })
    const { factors } = await post('preauth', preauthOf('numberless'), {}, free)
    expect(factors).toEqual({ 1: 'push1', default: 'push1' })
    const { txid } = await post('auth', authOf('numberless'), {}, free)
    expect(await post('auth', authOf('numberless'), {}, free)).toMatchObject({ result: 'deny' })
    expect((await requestsTo(phone)).map(({ challengeId }) => challengeId)).toEqual([txid])
  })
})

describe('a call that is sent again', () => {
  test('asks nobody twice, and the sign-in goes on', async () => {
    const phone = await enrollPhone(service, { user: 'resent' })
    const { prompt } = await post('preauth', preauthOf('resent'))
    const { txid } = await post('auth', authOf('resent'))
    const question = await questionTo(phone)
    for (const async of ['0', '1']) {
      expect(await post('auth', authOf('resent', 'push1', async))).toMatchObject({
        result: 'deny',
        status: 'No number was shown to you, or it is too old. Try again.',
      })
    }
    expect(await requestsTo(phone)).toHaveLength(1)
    await phone.client.approve(question, numberIn(prompt))
    expect(await status(txid)).toMatchObject({ result: 'allow' })
    // Not even what was approved signs in again.
    expect(await post('auth', authOf('resent'))).toMatchObject({ result: 'deny' })
  })

  test('does not replace the number that the person reads, and locks nobody out', async () => {
    const phone = await enrollPhone(service, { user: 'reading' })
    const { prompt } = await post('preauth', preauthOf('reading'))
    const repetition = await post('preauth', preauthOf('reading'))
    expect(repetition).toEqual({ result: 'deny', status: expect.stringContaining('Try again') })
    const { txid } = await post('auth', authOf('reading'))
    await phone.client.approve(await questionTo(phone), numberIn(prompt))
    expect(await status(txid)).toMatchObject({ result: 'allow' })
    expect(await post('preauth', preauthOf('reading'))).toMatchObject({ result: 'auth' })
    await afterThePause()
    expect(await post('preauth', preauthOf('reading'))).toMatchObject({ result: 'auth' })
  })

  test('at another place is another sign-in', async () => {
    await enrollPhone(service, { user: 'moving' })
    await post('preauth', preauthOf('moving'))
    const elsewhere = { ...preauthOf('moving'), hostname: 'bastion-2' }
    expect(await post('preauth', elsewhere)).toMatchObject({ result: 'auth' })
  })

  test('with a wrong code counts as one attempt', async () => {
    const { userId } = await enrollPhone(service, { user: 'mistyped' })
    await post('preauth', preauthOf('mistyped'))
    const wrong = authOf('mistyped', '000000', '0')
    expect(await post('auth', wrong)).toMatchObject({ status: 'Wrong code.' })
    for (let again = 0; again < 20; again++) {
      expect(await post('auth', wrong)).toMatchObject({
        result: 'deny',
        status: 'No number was shown to you, or it is too old. Try again.',
      })
    }
    const { json } = await service.api('GET', `/v1/users/${userId}`)
    expect(json.status).toBe('active')
    await post('preauth', preauthOf('mistyped'))
    expect(await post('auth', wrong)).toMatchObject({ status: 'Wrong code.' })
  })

  test.each([
    { auto: 'phone1' },
    { auto: '' },
    { factor: 'push' },
    { factor: 'passcode', code: '000000' },
  ])(
    'of a factor that is not offered leaves the way free for the next attempt: %j',
    async (params) => {
      const user = `choosing-${JSON.stringify(params)}`
      const phone = await enrollPhone(service, { user })
      await post('preauth', preauthOf(user))
      expect(await post('auth', { ...authOf(user), ...params })).toMatchObject({
        status: 'This way to sign in is not offered. Use push, or type a code.',
      })
      expect(await requestsTo(phone)).toEqual([])
      expect(await post('preauth', preauthOf(user))).toMatchObject({ result: 'auth' })
    },
  )
})

describe('a caller without access is denied with 200, in the format that it reads', () => {
  test.each<[string, LegacyMisbehaviour]>([
    ['a wrong secret key', { secret: 'X'.repeat(40) }],
    ['a wrong secret key and SHA-512', { secret: 'X'.repeat(40), algorithm: 'sha512' }],
    ['no credentials', { headers: { authorization: '' } }],
    ['a key of the API', { headers: { authorization: 'Bearer cs_x_y' } }],
    ['a signed date of 310 seconds ago', { date: new Date(Date.now() - 310_000).toUTCString() }],
  ])('%s', async (_, how) => {
    await everythingDenies(how)
  })

  test('by an integration of another kind, of another network, or that is paused', async () => {
    const wait = await createWaitDoor(service)
    await everythingDenies({}, { integrationKey: wait.id, secret: wait.secret })
    const elsewhere = { settings, allowedAddresses: ['192.0.2.1'] }
    await everythingDenies({}, await createAuthApiDoor(service, elsewhere))
    const pausedDoor = { settings, allowedAddresses, status: 'paused' }
    await everythingDenies({}, await createAuthApiDoor(service, pausedDoor))
  })

  test('by an integration that does not allow version 1, whatever signs it', async () => {
    for (const more of [{}, { sha1Allowed: true }]) {
      const other = await createAuthApiDoor(service, {
        settings: { kind: 'duo_auth_api', ...more },
      })
      for (const algorithm of ['sha1', 'sha512'] as const) {
        const [answer] = await everythingDenies({ algorithm }, other)
        expect(answer.status).toContain('version 1')
      }
      const date = new Date().toUTCString()
      await everythingDenies({ algorithm: 'sha512', date }, other)
    }
  })

  test('and learns nothing about who is known', async () => {
    await enrollPhone(service, { user: 'known' })
    const how = { secret: 'X'.repeat(40) }
    const answers = ['known', 'stranger'].map((user) => post('preauth', preauthOf(user), how))
    const [one, other] = await Promise.all(answers)
    expect(one).toEqual(other)
  })

  test('and does not learn how the sign-in of another integration ended', async () => {
    const sibling = await createAuthApiDoor(service, { settings, allowedAddresses })
    const phone = await enrollPhone(service, { user: 'followed' })
    const { prompt } = await post('preauth', preauthOf('followed'))
    const { txid } = await post('auth', authOf('followed'))
    await phone.client.approve(await questionTo(phone), numberIn(prompt))
    const foreign = await callLegacy(service.origin, sibling, 'GET', 'status', { txid })
    expect(foreign.json.response).toMatchObject({ result: 'deny' })
    expect(await status(txid)).toMatchObject({ result: 'allow' })
  })
})

test('allowing version 1 allows neither SHA-1 nor a missing date in version 2', async () => {
  await enrollPhone(service, { user: 'newer' })
  const preauth = { username: 'newer', text_prompt: '1' }
  const call = async (how: Misbehaviour): Promise<Answer> =>
    (await callSigned(service.origin, door, 'POST', 'preauth', preauth, how)).json.response
  expect(await call({ algorithm: 'sha1' })).toMatchObject({ result: 'deny' })
  const path = '/auth/v2/preauth'
  for (const algorithm of ['sha1', 'sha512'] as const) {
    const how = { algorithm, path, format: 'json' } as const
    const { json } = await callLegacy(service.origin, door, 'POST', 'preauth', preauth, how)
    expect(json.response).toMatchObject({ result: 'deny' })
  }
  expect(await call({})).toMatchObject({ result: 'auth' })
})

test('a date that is signed, as later clients do, is accepted within five minutes', async () => {
  await enrollPhone(service, { user: 'dated' })
  const how = { algorithm: 'sha512', date: new Date().toUTCString(), format: 'json' } as const
  expect(await post('preauth', preauthOf('dated'), how)).toMatchObject({ result: 'auth' })
})

test('a client that fails open, or does not say whether it does, is refused', async () => {
  for (const failmode of [{ failmode: 'open' }, {}, { failmode: 'secure' }]) {
    expect(await post('preauth', { ...at('ada'), ...failmode })).toEqual({
      result: 'deny',
      status: expect.stringContaining('failmode=secure'),
    })
  }
})

describe('a call of another format is denied with 200', () => {
  const garbage = Buffer.from('1600000002757365720004000000616461000500', 'hex')
  test.each<[string, LegacyMisbehaviour]>([
    ['BSON', { body: garbage, headers: { 'content-type': 'application/bson' } }],
    ['bytes that are no form', { body: Buffer.from([0xff, 0xfe, 0, 0x25]) }],
    ['a malformed form', { body: '%zz=1' }],
    ['a body that is too long', { body: `user=${'x'.repeat(40_000)}` }],
    ['JSON', { body: '{"user":"ada"}', headers: { 'content-type': 'application/json' } }],
  ])('%s', async (_, how) => {
    await everythingDenies(how)
  })

  test.each([
    {},
    { user: 'ada' },
    { user: 'ada', factor: 'push' },
    { user: 'ada', factor: 'passcode', code: '000000' },
    { user: 'ada', factor: 'auto' },
    { user: 'x'.repeat(256), factor: 'auto', auto: 'push1' },
  ])('parameters %j', async (params) => {
    expect(await post('auth', params)).toMatchObject({ result: 'deny' })
  })

  test('JSON that no signature covers, although all else is signed', async () => {
    const body = JSON.stringify(preauthOf('uncovered'))
    await enrollPhone(service, { user: 'uncovered' })
    const headers = { 'content-type': 'application/json' }
    expect(await post('preauth', {}, { body, headers })).toMatchObject({ result: 'deny' })
    expect(await post('preauth', preauthOf('uncovered'))).toMatchObject({ result: 'auth' })
  })

  test('an unknown format has no route, which no client takes for an outage', async () => {
    for (const name of ['preauth.xml', 'preauth', 'enroll.bson']) {
      const { status } = await fetch(`${service.origin}/rest/v1/${name}`, { method: 'POST' })
      expect(status).toBe(404)
    }
  })
})

test('texts of others reach the terminal without characters that move it', async () => {
  const evil = '\u001b[2J\u001b]0;x\u0007\u202e\u009b31m\u0000'
  await enrollPhone(service, { user: 'target' })
  const offers = [
    await post('preauth', preauthOf('target')),
    await post('preauth', preauthOf(`x${evil}`)),
    await post('auth', authOf(`x${evil}`, evil)),
  ]
  for (const text of offers.flatMap((offer) => [offer.status, offer.prompt ?? ''])) {
    expect(text.replaceAll('\n', '')).toMatch(/^[ -~]*$/)
  }
})

test('a client that hangs up while it waits cancels the question', async () => {
  const phone = await enrollPhone(service, { user: 'hanging' })
  const { prompt } = await post('preauth', preauthOf('hanging'))
  const disconnect = new AbortController()
  const how = { signal: disconnect.signal }
  const waiting = post('auth', authOf('hanging', 'push1', '0'), how)
  const question = await questionTo(phone)
  disconnect.abort()
  await expect(waiting).rejects.toThrow()
  await expect.poll(() => requestsTo(phone)).toEqual([])
  await expect(phone.client.approve(question, numberIn(prompt))).rejects.toThrow()
})

test('a call cut off in the middle of its body asks nobody', async () => {
  const socket = connect(Number(new URL(service.origin).port), '127.0.0.1')
  socket.end('POST /rest/v1/auth.bson HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nuser')
  await new Promise((resolve) => socket.once('close', resolve).resume())
  expect((await service.api('GET', '/health/ready')).status).toBe(200)
})
