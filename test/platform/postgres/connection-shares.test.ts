import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TenantId } from '../../../src/domain/ids.ts'
import { type Database, openDatabase } from '../../../src/platform/postgres/database.ts'
import { isDatabaseUnavailable } from '../../../src/platform/postgres/database-errors.ts'
import { run, type Statement } from '../../../src/platform/postgres/statement.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { until } from '../../support/until.ts'

let testDatabase: TestDatabase
/** Holds the lock for which slow work waits. */
let holder: Database
beforeAll(async () => {
  testDatabase = await createTestDatabase()
  holder = openDatabase({ url: testDatabase.url, maxConnections: 4, timeoutMs: 60_000 })
})
afterAll(async () => {
  await holder.close()
  await testDatabase.drop()
})

type Work = (database: Database, tenantId: TenantId) => Promise<unknown>
const lockText = 'select pg_advisory_xact_lock_shared(7)::text'
const slow: Statement<{ tenantId: TenantId }> = { name: 'slow', text: lockText, parameters: [] }
const quick: Statement<{ tenantId: TenantId }> = { name: 'quick', text: 'select', parameters: [] }
const kinds: readonly (readonly [string, Work])[] = [
  ['statements', (database, tenantId) => run(database, slow, { tenantId })],
  [
    'transactions',
    (database, tenantId) => database.transaction((tx) => run(tx, slow, { tenantId })),
  ],
  [
    'reads through Prisma',
    (database, tenantId) => database.prisma(tenantId, (client) => client.$queryRawUnsafe(lockText)),
  ],
]

/** Does the work while slow statements wait; says how many do. */
async function whileLocked(work: (waiting: () => Promise<number>) => Promise<void>) {
  await holder.transaction(async (tx) => {
    await tx.query('hold', 'select pg_advisory_xact_lock(7)', [])
    await work(async () => {
      const [row] = await holder.query<{ n: number }>(
        'waiting',
        `select count(*)::int as n from pg_stat_activity
         where datname = current_database() and wait_event = 'advisory'`,
        [],
      )
      return row?.n ?? 0
    })
  })
}

test.each(kinds)(
  'slow %s of one tenant leave half of the connections, and give all back',
  async (_, work) => {
    const database = openDatabase({
      url: testDatabase.url,
      maxConnections: 4,
      timeoutMs: 60_000,
    })
    const ends: Promise<unknown>[] = []
    await whileLocked(async (waiting) => {
      for (let count = 0; count < 6; count++) ends.push(work(database, 'tnt_a'))
      await until('it takes its share', async () => (await waiting()) === 2)
      expect(database.connections().waiting).toBe(4)
      await run(database, quick, { tenantId: 'tnt_b' })
      expect(await waiting()).toBe(2)
    })
    await Promise.all(ends)
    const { total, idle, waiting } = database.connections()
    expect([idle, waiting]).toEqual([total, 0])
    await database.close()
  },
)

test('who waits for a turn for as long as a statement may take is refused as unavailable', async () => {
  const database = openDatabase({ url: testDatabase.url, maxConnections: 2, timeoutMs: 300 })
  await whileLocked(async () => {
    const works = Array.from({ length: 3 }, () => run(database, slow, { tenantId: 'tnt_a' }))
    const ends = await Promise.allSettled(works)
    for (const end of ends) {
      expect(end.status === 'rejected' && isDatabaseUnavailable(end.reason)).toBe(true)
    }
  })
  await until('they are given back', () => database.connections().waiting === 0)
  await run(database, quick, { tenantId: 'tnt_a' })
  await database.close()
})

test('a turn whose connection cannot be opened, or whose work fails, is given back', async () => {
  const database = openDatabase({ url: testDatabase.url, maxConnections: 1, timeoutMs: 10_000 })
  const away = openDatabase({ url: 'postgresql://127.0.0.1:1/none', maxConnections: 1 })
  const wrong: Statement<{ tenantId: TenantId }> = { name: 'bad', text: 'nothing', parameters: [] }
  const tenantId = 'tnt_a'
  const failing = [
    () => run(away, quick, { tenantId }),
    () => away.transaction((tx) => run(tx, quick, { tenantId })),
    () => away.snapshot(),
    () => run(database, wrong, { tenantId }),
    () => database.transaction((tx) => run(tx, wrong, { tenantId })),
    () => database.prisma(tenantId, (client) => client.$queryRawUnsafe('nothing')),
  ]
  for (const fail of [...failing, ...failing]) {
    const failure = await fail().catch((error: unknown) => String(error))
    expect(failure).not.toContain('too many statements wait')
  }
  await (await database.snapshot()).close()
  await run(database, quick, { tenantId })
  await Promise.all([database.close(), away.close()])
})
