import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildChallengeStore } from '../../src/challenges/challenges.sql.ts'
import type { DeviceId } from '../../src/domain/ids.ts'
import { othersKey } from '../../src/domain/initiator.ts'
import { unusedBudget } from '../../src/domain/push-budget.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import type { Queries } from '../../src/platform/postgres/database.ts'
import { onServer } from '../support/cluster.ts'
import { buildBatchLanes } from '../support/lanes.ts'
import { nodesOf, type Plan, planOf, type SentStatement } from '../support/statements.ts'
import {
  aColleague,
  aDevice,
  aNewChallenge,
  anAnswer,
  aProof,
  aUser,
  lockWaiters,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { until } from '../support/until.ts'

type Person = {
  readonly user: TestUser
  readonly devices: readonly [DeviceId, DeviceId]
  readonly challengeId: string
}

const usersCount = 8
let stores: Stores
let people: readonly Person[]
/** Of all people in one batch, in the order of `people`, which is no order of keys. */
let batches: Readonly<Record<'create' | 'answer', SentStatement>>
let clients: readonly pg.Client[]

beforeAll(async () => {
  stores = await openStores(4)
  const first = await aUser(stores)
  const users = [first]
  for (let n = 1; n < usersCount; n++) users.push(await aColleague(stores, first, `user-${n}`))
  const list: Person[] = []
  for (const user of users) {
    const devices = [await aDevice(stores, user), await aDevice(stores, user)] as const
    const { challenge, ...newChallenge } = await aNewChallenge(stores, user, devices, budget)
    await stores.challenges.create({ challenge, ...newChallenge }, 'process')
    list.push({ user, devices, challengeId: challenge.id })
  }
  // Ids ascend with time; their ends do not.
  const end = ({ challengeId }: Person) => challengeId.slice(-6)
  people = list.toSorted((a, b) => (end(a) < end(b) ? -1 : 1))
  batches = { create: await captureCreations(), answer: await captureAnswers() }
  clients = await Promise.all(
    [1, 2, 3].map(async () => {
      const client = new pg.Client({ connectionString: stores.url })
      await client.connect()
      return client
    }),
  )
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.end()))
  await stores.close()
})

const budget = { budgetKey: othersKey }

/** The statement that a lane sends for these items; nothing is executed. */
async function capture(
  send: (challenges: Stores['challenges']) => readonly Promise<unknown>[],
): Promise<SentStatement> {
  const sentStatements: SentStatement[] = []
  const recorder: Queries = {
    query: async (name, text, values) => {
      sentStatements.push({ name, text, values })
      return []
    },
  }
  const database = { ...stores.database, reserved: recorder }
  const challenges = buildChallengeStore(database, random, buildBatchLanes())
  await Promise.allSettled(send(challenges))
  const [statement] = sentStatements
  if (!statement || sentStatements.length > 1) throw new Error('the items were not one batch')
  return statement
}

async function captureCreations(): Promise<SentStatement> {
  const list = await Promise.all(
    people.map(({ user, devices }) => aNewChallenge(stores, user, devices, budget)),
  )
  return capture((challenges) =>
    list.map((newChallenge) =>
      challenges.create(
        { ...newChallenge, budget: { ...newChallenge.budget, revision: 1 } },
        'process',
      ),
    ),
  )
}

function captureAnswers(): Promise<SentStatement> {
  const next = { ...unusedBudget, revision: 1, approvedAt: null, blockedUntil: null }
  return capture((challenges) =>
    people.map(({ user, devices: [device], challengeId }) =>
      challenges.recordAnswer(
        anAnswer(user, challengeId as `chl_${string}`, device, {
          budgets: [{ key: othersKey, next }],
        }),
        aProof(user, device),
      ),
    ),
  )
}

const columns = {
  user_protections: 'user_id',
  devices: 'id',
  challenges: 'id',
  initiators: 'user_id',
} as const
type Table = keyof typeof columns
type Strength = 'update' | 'share'
const tables = Object.keys(columns) as Table[]

/** The keys of rows that each batch locks, sorted as it must lock them. */
function keysOf(batch: 'create' | 'answer', table: Table): string[] {
  switch (table) {
    case 'devices':
      return people
        .flatMap(({ devices }) => (batch === 'create' ? devices : devices.slice(0, 1)))
        .toSorted()
    case 'challenges':
      return batch === 'create' ? [] : people.map(({ challengeId }) => challengeId).toSorted()
    default:
      return people.map(({ user }) => user.userId).toSorted()
  }
}

/** How many of these rows are locked by others. */
async function locksOf(client: pg.Client, table: Table, keys: readonly string[]) {
  await client.query('begin')
  const { rowCount } = await client.query(
    `select from ${table} where ${columns[table]} = any($1) for update skip locked`,
    [keys],
  )
  await client.query('rollback')
  return keys.length - (rowCount ?? 0)
}

/** Runs the work while another transaction holds this row. */
async function whileHeld<T>(
  table: Table,
  key: string,
  work: () => Promise<T>,
  strength: Strength = 'update',
): Promise<T> {
  const [holder] = clients as [pg.Client]
  await holder.query('begin')
  await holder.query(`select from ${table} where ${columns[table]} = $1 for ${strength}`, [key])
  try {
    return await work()
  } finally {
    await holder.query('rollback')
  }
}

/** The locks of a batch that waits at this row instead of skipping it. */
async function locksWhileWaitingAt(batch: 'create' | 'answer', table: Table, key: string) {
  const [, patient, probe] = clients as [pg.Client, pg.Client, pg.Client]
  const { text, values } = batches[batch]
  const waiting = text.replaceAll(' skip locked', '').replace(/'\d+ms'/, `'30s'`)
  await patient.query('begin')
  let running: Promise<unknown> = Promise.resolve()
  try {
    return await whileHeld(table, key, async () => {
      running = patient.query(waiting, [...values])
      await until('it waits', async () => (await lockWaiters(stores)) === 1)
      const locks: Partial<Record<Table, number>> = {}
      for (const each of tables) locks[each] = await locksOf(probe, each, keysOf(batch, each))
      return locks
    })
  } finally {
    await running
    await patient.query('rollback')
  }
}

/** The outcomes of the batch as it is while this row is held. */
async function outcomesWhileHeld(
  batch: 'create' | 'answer',
  table: Table,
  key: string,
  strength?: Strength,
) {
  const [, own] = clients as [pg.Client, pg.Client]
  const { text, values } = batches[batch]
  return whileHeld(
    table,
    key,
    async () => {
      await own.query('begin')
      const { rows } = await own.query<{ n: number; outcome: string }>(text, [...values])
      await own.query('rollback')
      return rows.toSorted((a, b) => a.n - b.n).map(({ outcome }) => outcome)
    },
    strength,
  )
}

describe.each([
  ['create', ['user_protections', 'devices', 'initiators']],
  ['answer', ['user_protections', 'devices', 'challenges', 'initiators']],
] as const)('a batch to %s', (batch, order) => {
  test.each(order)('locks sorted rows of %s after those before, and none after', async (table) => {
    const keys = keysOf(batch, table)
    for (const place of [0, Math.floor(keys.length / 2), keys.length - 1]) {
      const locks = await locksWhileWaitingAt(batch, table, keys[place] ?? '')
      const expectedLocks = tables.map((each) => {
        const position = (order as readonly string[]).indexOf(each)
        const here = (order as readonly string[]).indexOf(table)
        if (position === here) return [each, place + 1]
        return [each, position >= 0 && position < here ? keysOf(batch, each).length : 0]
      })
      expect(locks).toEqual(Object.fromEntries(expectedLocks))
    }
  })

  test.each(order)('leaves only the item alone whose row of %s is held, at once', async (table) => {
    const done = batch === 'create' ? 'done' : 'recorded'
    for (const [index, person] of people.entries()) {
      const { user, devices, challengeId } = person
      const key = { devices: devices[0], challenges: challengeId }[table as string] ?? user.userId
      const outcomes = await outcomesWhileHeld(batch, table, key)
      expect(outcomes).toEqual(people.map((_, n) => (n === index ? 'skipped' : done)))
    }
  })

  test('leaves a user alone whom a single creation holds', async () => {
    const [person] = people as [Person]
    const { userId } = person.user
    const [first, ...others] = await outcomesWhileHeld(batch, 'user_protections', userId, 'share')
    expect(first).toBe('skipped')
    expect(others).not.toContain('skipped')
  })

  test('has a plan in which each step of locking sorts the step before it', async () => {
    const plan = await onServer(stores.url, (client) => planOf(client, batches[batch].text))
    expect(lockStepsOf(plan)).toEqual(
      batch === 'create'
        ? [
            ['user_protections', 'reads', 'x'],
            ['devices', 'sorts', 't', 'u'],
            ['initiators', 'sorts', 'alive'],
          ]
        : [
            ['user_protections', 'reads', 'x'],
            ['devices', 'sorts', 'u'],
            ['challenges', 'sorts', 'd'],
            ['initiators', 'sorts', 'k', 'w'],
          ],
    )
  })
})

/** Each step: the table that it locks, and the common table expressions from which it gets keys. */
function lockStepsOf(plan: Plan): string[][] {
  return [...nodesOf(plan)]
    .filter((node) => node['Subplan Name']?.startsWith('CTE '))
    .flatMap((step) => {
      const [outer, inner] = step.Plans ?? []
      const lockRows = inner && [...nodesOf(inner)].find((node) => node['Node Type'] === 'LockRows')
      if (step['Node Type'] !== 'Nested Loop' || !outer || !lockRows) return []
      const table = [...nodesOf(lockRows)].find((node) => node['Relation Name'])?.['Relation Name']
      const nodes = [...nodesOf(outer)]
      const isSorted = nodes.some((node) => node['Node Type'] === 'Sort')
      const from = nodes.flatMap((node) => node['CTE Name'] ?? [])
      return [[table ?? '', isSorted ? 'sorts' : 'reads', ...from.toSorted()]]
    })
}
