// Sign-ins as people use the service, on a whole service with its commands in this process.

import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrollPhone } from '../../bench/bench-phone.ts'
import { besideReportOf, besideTextOf } from '../../bench/beside-report.ts'
import { enrollMixedWorker } from '../../bench/mixed/mixed-worker.ts'
import { createTenants } from '../../bench/mixed/open-mixed.ts'
import { openWebhookSink } from '../../bench/mixed/webhook-sink.ts'
import { answerWrong, beginsWrong } from '../../bench/mixed/wrong-number.ts'
import { describeMachine } from '../../bench/report.ts'
import { pushServiceOf } from '../../simulator/push-service.ts'
import { onServer } from '../support/cluster.ts'
import { runCommand } from '../support/command-line.ts'
import { type RunningService, startTestService } from '../support/running-service.ts'

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

/** A command of the operator on the service's database. */
async function operate(...words: readonly string[]): Promise<unknown> {
  const { database, config, origin } = service
  const { code, stdout, stderr } = await runCommand([...words, '--json'], {
    DATABASE_URL: database.url,
    MASTER_KEY: config.masterKeys.current?.toString('base64url') ?? '',
    PUBLIC_ORIGIN: origin,
  })
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

const signedIn = `
  select count(*)::int as challenges, count(distinct tenant_id)::int as tenants,
    count(distinct user_id)::int as users, count(distinct decided_device_id)::int as phones,
    count(distinct idempotency_key)::int as keys,
    count(*) filter (where wrong_numbers_left = 2)::int as wrong
  from challenges where status = 'approved'`

test('a worker signs in to four tenants with two phones in each, keyed, once with a wrong number first, and every outcome arrives as a webhook', async () => {
  await using sink = await openWebhookSink()
  const tenants = await createTenants({ origin: service.origin, operate }, sink)
  const pushes = pushServiceOf(service.simulator)
  const approvals: string[] = []
  const onApproval = (id: string) => void approvals.push(id)
  const worker = await enrollMixedWorker({ tenants, pushes, enrollPhone, onApproval }, 0)
  for (let n = 0; n < 8; n++) expect((await worker.signIn()).decision).toBeGreaterThan(0)
  worker.close()
  await sink.check(approvals)
  const { rows } = await onServer(service.database.url, (client) => client.query(signedIn))
  expect(rows).toEqual([{ challenges: 8, tenants: 4, users: 4, phones: 8, keys: 8, wrong: 1 }])
})

test('one in twenty begins with a wrong number', () => {
  const wrong = Array.from({ length: 1000 }, (_, n) => n).filter(beginsWrong)
  expect(wrong).toHaveLength(50)
})

test.each([
  [() => Promise.reject(new Error('the service answered 422: {}')), null],
  [() => Promise.reject(new Error('the service answered 409: {}')), 'answered 409'],
  [() => Promise.resolve(), 'a wrong number was accepted'],
])('a wrong number must be refused, and as one: %s', async (reply, fault) => {
  const numbers: string[] = []
  const phone = {
    prepareApproval: (_request: unknown, number: string) => {
      numbers.push(number)
      return reply
    },
  }
  const answering = answerWrong(phone, { id: 'chl_1', request: '' }, '120459', 422)
  if (fault === null) await answering
  else await expect(answering).rejects.toThrow(fault)
  expect(numbers).toEqual(['120450'])
})

const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`

/** Sends an approval, signed with that secret. */
async function send(url: string, challengeId: string, signingSecret: string): Promise<number> {
  const key = Buffer.from(signingSecret.slice('whsec_'.length), 'base64')
  const body = JSON.stringify({ type: 'challenge.approved', data: { challengeId } })
  const signature = createHmac('sha256', key).update(`evt_1.5.${body}`).digest('base64')
  const headers = {
    'webhook-id': 'evt_1',
    'webhook-timestamp': '5',
    'webhook-signature': `v1,${signature}`,
  }
  return (await fetch(url, { method: 'POST', headers, body })).status
}

test('the sink accepts what is signed with the secret of its address, and tells what is missing', async () => {
  await using sink = await openWebhookSink(0)
  const url = sink.address()
  sink.trust(url, secret)
  expect(await send(url, 'chl_1', secret)).toBe(200)
  await sink.check(['chl_1'])
  await expect(sink.check(['chl_1', 'chl_2'])).rejects.toThrow('1 of 2 webhooks did not arrive')
})

test.each([
  ['another secret', (url: string) => url, `whsec_${Buffer.alloc(24, 8).toString('base64')}`],
  ['an address without one', (url: string) => `${url}0`, secret],
])('a webhook signed for %s is answered 400, and fails the run', async (_, place, signing) => {
  await using sink = await openWebhookSink(0)
  const url = sink.address()
  sink.trust(url, secret)
  expect(await send(place(url), 'chl_1', signing)).toBe(400)
  await expect(sink.check([])).rejects.toThrow('1 webhooks could not be verified')
})

test('the report says that sign-ins were mixed, and compares the same tree with this one only', () => {
  const part = { loops: 1, errors: 0, ms: 100, serviceMs: 2, databaseMs: 1, betweenMs: 0 }
  const parts = [{ ...part, decisions: [3] }]
  const measurements = ['service', 'bare', 'same'].map((name) => ({ name, parts }))
  const turns = { concurrency: 1, slices: 1, sliceSeconds: 0.1 }
  const options = { against: 'bare', aa: true, mixed: true, ...turns } as const
  const report = besideReportOf(describeMachine(), options, measurements)
  expect(report.mixed).toBe(true)
  expect(report.ratios.map(({ side, to }) => `${side} to ${to}`)).toEqual([
    'service to bare',
    'service to same',
  ])
  expect(besideTextOf(report)).toContain('As people use it: 4 tenants, 2 phones a user')
  expect(besideTextOf({ ...report, mixed: false })).not.toContain('As people use it')
})
