import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Service, startService } from '../../src/service/compose.ts'
import { onServer } from '../support/cluster.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createWaitDoor, type TestDoor } from '../support/doors.ts'
import { freePort } from '../support/ports.ts'
import {
  type Api,
  createApi,
  enrollPhone,
  type Phone,
  startTestSimulator,
  testConfig,
} from '../support/running-service.ts'
import { startDatabaseLine } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

const stack = new AsyncDisposableStack()
let service: Service
let database: TestDatabase
let line: Awaited<ReturnType<typeof startDatabaseLine>>
let api: Api
let phone: Phone
let door: TestDoor
beforeAll(async () => {
  const simulator = await startTestSimulator()
  stack.defer(() => simulator.close())
  database = stack.use(await createTestDatabase())
  line = await startDatabaseLine(database.url)
  stack.defer(() => line.close())
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const log = pino({ level: 'silent' })
  service = await startService(testConfig(simulator, line.url, port), origin, log)
  stack.defer(() => service.stop())
  api = createApi(origin, service.firstKey?.secret ?? '')
  phone = await enrollPhone({ api, simulator })
  door = await createWaitDoor({ origin, api })
})
afterAll(() => stack.disposeAsync())

describe.each(['refusing', 'silent'] as const)('while the database is %s', (state) => {
  test('everything is refused with 503 and Retry-After, nothing is approved, and it recovers by itself', async () => {
    const creation = await api('POST', '/v1/challenges', { user: 'alice' })
    const { requests } = await phone.client.pending()
    const [request] = requests
    if (!request) throw new Error('nothing is pending')

    line.set(state)
    const waitingCall = door.ask({ username: 'alice', number: '483920' })
    const replies = await Promise.all([
      api('POST', '/v1/challenges', { user: 'alice' }),
      api('GET', `/v1/challenges/${creation.json.id}`),
      api('GET', `/v1/challenges/${creation.json.id}?wait=5`),
      api('GET', '/v1/users?identifier=alice'),
      api('POST', '/v1/enrollments', { user: 'bob', displayName: 'Bob' }),
    ])
    for (const reply of replies) {
      expect(reply.json, reply.text).toMatchObject({ status: 503, code: 'unavailable' })
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    const refusal = await waitingCall
    expect([refusal.status, JSON.parse(refusal.text).code]).toEqual([503, 'unavailable'])
    expect((await api('GET', '/health/ready')).status).toBe(503)
    expect((await api('GET', '/health/live')).status).toBe(200)

    line.set('open')
    await until(
      'the service is ready again',
      async () => (await api('GET', '/health/ready')).status === 200,
    )
    const still = await api('GET', `/v1/challenges/${creation.json.id}`)
    expect(still.json.status).toBe('pending')
    await phone.client.approve(request, creation.json.number)
    expect((await api('GET', `/v1/challenges/${creation.json.id}`)).json.status).toBe('approved')
  })
})

describe.each(['refusing', 'silent'] as const)(
  'when the database becomes %s while a door waits',
  (state) => {
    test('the client gets a denial, and an abandoned challenge cannot be approved', async () => {
      const asking = door.ask({ username: 'alice', number: '483920', host: `door-${state}` })
      const request = await until('the phone is asked', async () =>
        (await phone.client.pending()).requests.find(({ context }) =>
          JSON.stringify(context).includes(`door-${state}`),
        ),
      )
      line.set(state)
      expect((await asking).status).toBe(503)
      line.set('open')
      const ending = await until('it is cancelled', async () => {
        const { status, json } = await api('GET', `/v1/challenges/${request.challengeId}`)
        return status === 200 && json.status !== 'pending' ? json.status : null
      })
      expect(ending).toBe('cancelled')
    })
  },
)

describe('when the database commits and its reply is lost', () => {
  const unknown = /^Whether it happened is unknown\. Send the same call again .*`Idempotency-Key`/

  test('a creation is answered 503 with unknown outcome, and a retry returns the created challenge', async () => {
    const key = { 'idempotency-key': 'lost-reply' }
    const create = () => api('POST', '/v1/challenges', { user: 'alice' }, key)
    const before = (await api('GET', '/v1/challenges?limit=100')).json.items.length
    line.loseReplyTo('insert_challenge')
    const lostReply = await create()
    expect(lostReply.json).toMatchObject({ status: 503, detail: expect.stringMatching(unknown) })
    line.set('open')
    const again = await until('the service is back', async () => {
      const reply = await create()
      return reply.status === 503 ? null : reply
    })
    expect(again.status).toBe(200)
    expect(again.json.number).toMatch(/^\d{6}$/)
    const after = (await api('GET', '/v1/challenges?limit=100')).json.items.length
    expect(after).toBe(before + 1)
    await api('POST', `/v1/challenges/${again.json.id}/cancel`)
  })

  test('an answer that the phone sends again after a 503 counts once', async () => {
    const creation = await api('POST', '/v1/challenges', { user: 'alice' })
    const request = (await phone.client.pending()).requests.find(
      ({ challengeId }) => challengeId === creation.json.id,
    )
    if (!request) throw new Error('nothing is pending')
    line.loseReplyTo('record_answer')
    // The client repeats the call after a 503, with the same answer.
    const approving = phone.client.approve(request, creation.json.number)
    await until(
      'it is recorded',
      async () =>
        (
          await onServer(database.url, (client) =>
            client.query('select 1 from challenges where id = $1 and status = $2', [
              creation.json.id,
              'approved',
            ]),
          )
        ).rowCount === 1,
    )
    expect((await api('GET', `/v1/challenges/${creation.json.id}`)).status).toBe(503)
    line.set('open')
    await approving
    const reading = (await api('GET', `/v1/challenges/${creation.json.id}`)).json
    expect(reading).toMatchObject({ status: 'approved', wrongNumbersLeft: 3 })
  })
})

test('a wait that outlives an outage still returns the answer', async () => {
  const creation = await api('POST', '/v1/challenges', { user: 'alice' })
  const request = (await phone.client.pending()).requests[0]
  if (!request) throw new Error('nothing is pending')
  await phone.client.approve(request, creation.json.number)
  const reply = await api('GET', `/v1/challenges/${creation.json.id}?wait=10`)
  expect(reply.json.status).toBe('approved')
})
