// kill -9 of the service after a batch is committed, before it has read the reply: what nobody was
// told has happened, what somebody was told stays, and a repeated call gets the same answer.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { onServer } from '../support/cluster.ts'
import { createTestDatabase } from '../support/database.ts'
import { repetitions } from '../support/endurance.ts'
import { environmentOf, killProcess, type Process, start } from '../support/killable-service.ts'
import { freePort } from '../support/ports.ts'
import {
  type Api,
  createApi,
  enrollPhone,
  type Phone,
  startTestSimulator,
} from '../support/running-service.ts'
import { startDatabaseLine } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

const users = ['ada', 'ben', 'cleo', 'dora', 'emil', 'finn', 'gina', 'hugo']

const resources = new AsyncDisposableStack()
let database: Awaited<ReturnType<typeof createTestDatabase>>
let line: Awaited<ReturnType<typeof startDatabaseLine>>
let environment: Record<string, string>
let service: Process
let api: Api
let phones: readonly Phone[]

beforeAll(async () => {
  const simulator = await startTestSimulator()
  resources.defer(() => simulator.close())
  database = resources.use(await createTestDatabase())
  line = await startDatabaseLine(database.url)
  resources.defer(() => line.close())
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-batch-crash-'))
  resources.defer(() => rm(folder, { recursive: true }))
  const port = await freePort()
  environment = await environmentOf(simulator, line.url, port, folder)
  service = await start(environment)
  resources.defer(() => killProcess(service.child))
  const key = /cs_[0-9a-z]{26}_[\w-]{43}/.exec(service.output())?.[0] ?? ''
  api = createApi(`http://127.0.0.1:${port}`, key)
  phones = await Promise.all(
    users.map((user) => enrollPhone({ api, simulator }, { user, withPush: false })),
  )
})
afterAll(() => resources.disposeAsync())

/** Kills the service when the next batch of this statement is committed; then starts another. */
async function killOnReplyTo(statement: string, calls: () => readonly Promise<unknown>[]) {
  let isGone = false
  line.onReplyTo(statement, async () => {
    await killProcess(service.child)
    isGone = true
  })
  const replies = Promise.allSettled(calls())
  await until(`a reply to ${statement}, and the end of the service`, () => isGone, 10_000)
  service = await start(environment)
  return replies
}

type Creation = { readonly id: string; readonly number: string }

const create = async (user: string, round: number): Promise<Creation> => {
  const key = { 'idempotency-key': `${user}-in-round-${round}` }
  const reply = await api('POST', '/v1/challenges', { user }, key)
  if (reply.status >= 300) throw new Error(reply.text)
  return reply.json
}

async function createThroughACrash(round: number): Promise<readonly Creation[]> {
  const first = await killOnReplyTo('insert_challenges', () =>
    users.map((user) => create(user, round)),
  )
  const isLost = first.map(({ status }) => status === 'rejected')
  expect(isLost).toContain(true)
  const again = await Promise.all(users.map((user) => create(user, round)))
  for (const [at, one] of first.entries()) {
    if (one.status === 'fulfilled') expect(one.value).toMatchObject(again[at] as Creation)
  }
  return again
}

async function approve(phone: Phone, { id, number }: Creation): Promise<void> {
  const request = (await phone.client.pending()).requests.find((one) => one.challengeId === id)
  if (!request) throw new Error(`challenge ${id} is not pending`)
  await phone.client.approve(request, number)
}

/**
 * The clients send their answers again, the same ones, until they have a reply or give up. A reply
 * is true; an answer without one may be recorded or not.
 */
async function approveThroughACrash(creations: readonly Creation[]): Promise<void> {
  const pairs = phones.map((phone, at) => ({ phone, creation: creations[at] as Creation }))
  const replies = await killOnReplyTo('record_answers', () =>
    pairs.map(({ phone, creation }) => approve(phone, creation)),
  )
  for (const [at, { phone, creation }] of pairs.entries()) {
    const { status } = (await api('GET', `/v1/challenges/${creation.id}`)).json
    if (replies[at]?.status === 'fulfilled') expect(status).toBe('approved')
    else if (status === 'pending') await approve(phone, creation)
  }
}

test('a batch that was committed unread is neither lost nor done twice', async () => {
  const rounds = repetitions({ usual: 1, nightly: 50 })
  for (let round = 0; round < rounds; round++) {
    const creations = await createThroughACrash(round)
    await approveThroughACrash(creations)
    const readings = await Promise.all(
      creations.map(({ id }) => api('GET', `/v1/challenges/${id}`)),
    )
    for (const { json } of readings) {
      expect(json).toMatchObject({ status: 'approved', wrongNumbersLeft: 3 })
    }
    const ids = creations.map(({ id }) => id)
    const { rows } = await onServer(database.url, (client) =>
      client.query<{ challenges: number; answers: number; activities: number }>(
        `select (select count(*)::int from challenges where idempotency_key like $2) as challenges,
           (select count(*)::int from answers where challenge_id = any($1)) as answers,
           (select count(*)::int from activities where challenge_id = any($1)
             and type = 'challenge_approved') as activities`,
        [ids, `%-in-round-${round}`],
      ),
    )
    const each = users.length
    expect(rows).toEqual([{ challenges: each, answers: each, activities: each }])
  }
}, 600_000)
