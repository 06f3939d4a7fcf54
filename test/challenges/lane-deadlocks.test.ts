import { expect, test } from 'vitest'
import { buildChallengeStore } from '../../src/challenges/challenges.sql.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import { type Database, openDatabase, type Queries } from '../../src/platform/postgres/database.ts'
import { buildLanes } from '../../src/platform/postgres/lane.ts'
import { repetitions } from '../support/endurance.ts'
import { patientLimits } from '../support/lanes.ts'
import { openStores, type Stores, type TestUser } from '../support/stores.ts'
import { cancel } from './challenge-steps.ts'
import { buildChance, type Chance } from './lane-chance.ts'
import { aCreation, anAnswerItem, creationQuery, type Item } from './lane-items.ts'
import { type Sabotage, withChangedBatches } from './lane-pair.ts'
import { seedUsers } from './lane-users.ts'

const batchSize = 12

/** What both processes share: the users, and Idempotency-Keys that several items use. */
type Crowd = {
  readonly users: readonly TestUser[]
  /** The Idempotency-Key of each challenge that was created. */
  readonly usedKeys: string[]
  readonly errors: unknown[]
  items: number
  /** Statements that PostgreSQL has ended to resolve a deadlock. */
  deadlocks: number
  isOver(): boolean
}

/** The same database; deadlocks of its statements are counted. */
function countDeadlocks(database: Database, crowd: Crowd): Database {
  const count = ({ query }: Queries): Queries => ({
    query: (name, text, values) =>
      query<never>(name, text, values).catch((error: { readonly code?: string }) => {
        if (error.code === '40P01') crowd.deadlocks++
        throw error
      }),
  })
  return { ...database, ...count(database), reserved: count(database.reserved) }
}

/** A process: a pool, lanes, and the users whose items it has in flight. */
function openProcess(stores: Stores, crowd: Crowd, sabotage: Sabotage) {
  const ownDatabase = openDatabase({ url: stores.url, maxConnections: 8, timeoutMs: 15_000 })
  const database = withChangedBatches(countDeadlocks(ownDatabase, crowd), sabotage)
  const lanes = buildLanes(patientLimits)
  let singles = 0
  lanes.listen((report) => {
    if (report.items > 1) singles += report.singles
  })
  return {
    own: { ...stores, database, challenges: buildChallengeStore(database, random, lanes) },
    reservedUsers: new Set<TestUser>(),
    singles: () => singles,
    close: () => database.close(),
  }
}
type Process = ReturnType<typeof openProcess>

/** Sends batches of items of users that this process has not in flight, in random order. */
async function sendBatches(
  process: Process,
  crowd: Crowd,
  chance: Chance,
  build: (users: readonly TestUser[]) => Promise<readonly Item[]>,
): Promise<void> {
  while (!crowd.isOver()) {
    const free = crowd.users.filter((user) => !process.reservedUsers.has(user))
    const users = chance.some(free, batchSize)
    for (const user of users) process.reservedUsers.add(user)
    const items = await build(users)
    crowd.items += items.length
    await Promise.all(
      items.map(async (item) => {
        try {
          const outcome = await item.send(process.own)
          if (outcome === 'done' && item.key !== null) crowd.usedKeys.push(item.key)
        } catch (error) {
          crowd.errors.push(error)
        }
      }),
    )
    for (const user of users) process.reservedUsers.delete(user)
  }
}

/** For a moment the same few for all. */
const sharedKey = (chance: Chance) =>
  `key-${Math.floor(performance.now() / 20)}-${chance.pick(['a', 'b', 'c', 'd'])}`

const creations = (process: Process, chance: Chance) => (users: readonly TestUser[]) =>
  Promise.all(
    users.map(async (user) => {
      const query = creationQuery(chance, user)
      const facts = await process.own.challenges.loadCreation(query)
      const key = chance.when(0.3) ? sharedKey(chance) : random.id('challenge')
      return aCreation(chance, user, facts, query.initiatorKey, key, {})
    }),
  )

const pending = `
  select distinct on (c.user_id) c.user_id as user, c.id, t.device_id as device
  from challenges c join challenge_targets t on t.tenant_id = c.tenant_id
    and t.challenge_id = c.id
  where c.tenant_id = $1 and c.user_id = any($2) and c.status = 'pending' order by c.user_id, c.id`

async function pendingOf({ database }: Stores, users: readonly TestUser[]) {
  const { tenantId } = users[0] as TestUser
  const ids = users.map(({ userId }) => userId)
  return database.query<{ user: string; id: ChallengeId; device: DeviceId }>('pending', pending, [
    tenantId,
    ids,
  ])
}

const answers = (process: Process, chance: Chance) => async (users: readonly TestUser[]) => {
  const rows = await pendingOf(process.own, users)
  const items = await Promise.all(
    rows.map(async ({ user, id, device }) => {
      const one = users.find(({ userId }) => userId === user) as TestUser
      const query = { tenantId: one.tenantId, challengeId: id, deviceId: device, jti: 'none' }
      const facts = await process.own.challenges.loadAnswer(query)
      const isOpen = facts?.target?.challenge.status === 'pending'
      return facts && isOpen ? anAnswerItem(chance, one, facts, {}) : null
    }),
  )
  return items.filter((item) => item !== null)
}

/** Cancels, and marks devices as seen, as others do meanwhile. */
async function disturb(process: Process, crowd: Crowd, chance: Chance): Promise<void> {
  while (!crowd.isOver()) {
    const user = chance.pick(crowd.users)
    const [row] = await pendingOf(process.own, [user])
    if (!row) continue
    await cancel(process.own, user, row.id)
    await process.own.database.query(
      'seen',
      'update devices set last_seen_at = clock_timestamp() where tenant_id = $1 and id = $2',
      [user.tenantId, row.device],
    )
  }
}

/** Two processes at work on the same few users, for so many items or until there is a deadlock. */
async function runBoth(stores: Stores, items: number, sabotages: readonly Sabotage[]) {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const all = await seedUsers(stores, 40)
  const crowd: Crowd = {
    users: all.filter(({ tenantId }) => tenantId === all[0]?.tenantId),
    usedKeys: [],
    errors: [],
    items: 0,
    deadlocks: 0,
    isOver: () => crowd.items >= items || crowd.deadlocks > 0 || crowd.errors.length > 0,
  }
  const both = sabotages.map((sabotage) => openProcess(stores, crowd, sabotage))
  await Promise.all(
    both.flatMap((one, index) => {
      const chance = buildChance(seed + index)
      return [
        sendBatches(one, crowd, chance, creations(one, chance)),
        sendBatches(one, crowd, chance, answers(one, chance)),
        disturb(one, crowd, chance),
      ]
    }),
  )
  await Promise.all(both.map((one) => one.close()))
  const singles = both.reduce((sum, one) => sum + one.singles(), 0)
  return { ...crowd, seed, singles }
}

const asItIs: Sabotage = (_, text) => text

test('two processes whose batches overlap never deadlock, and write nothing twice', async () => {
  const stores = await openStores(4)
  const items = repetitions({ usual: 600, nightly: 20_000 })
  const result = await runBoth(stores, items, [asItIs, asItIs])
  const { errors, deadlocks, seed, singles, usedKeys } = result
  expect({ errors, deadlocks }, `seed ${seed}`).toEqual({ errors: [], deadlocks: 0 })
  expect(new Set(usedKeys).size).toBe(usedKeys.length)
  const answeredTwice = await stores.database.query(
    'answered_twice',
    `select challenge_id from answers where outcome <> 'wrong_number' or status_after = 'denied'
     group by tenant_id, challenge_id having count(*) > 1`,
    [],
  )
  expect(answeredTwice).toEqual([])
  expect(singles, 'items that met a locked row').toBeGreaterThan(0)
  await stores.close()
}, 600_000)

test('batches that wait, and lock in opposite orders, do deadlock', async () => {
  const stores = await openStores(4)
  const waits: Sabotage = (_, text) =>
    text
      .replaceAll(' skip locked', '')
      .replace(
        `set_config('lock_timeout', '50ms', true)`,
        `set_config('deadlock_timeout', '10ms', true)`,
      )
  const inOppositeOrder: Sabotage = (name, text) =>
    waits(name, text).replace(
      'order by raw.tenant_id, raw.user_id, raw.n',
      'order by raw.tenant_id desc, raw.user_id desc, raw.n',
    )
  const { deadlocks } = await runBoth(stores, 5_000, [waits, inOppositeOrder])
  expect(deadlocks).toBeGreaterThan(0)
  await stores.close()
})
