import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDatabase } from '../../../src/platform/postgres/database.ts'
import { buildTableStatistics } from '../../../src/platform/postgres/table-statistics.ts'
import { onServer } from '../../support/cluster.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { recordStatements } from '../../support/statements.ts'
import { until } from '../../support/until.ts'

let home: TestDatabase
const open: { end(): Promise<unknown> }[] = []
beforeEach(async () => {
  home = await createTestDatabase()
  // Otherwise the server itself would update the statistics now and then.
  await onServer(home.url, (client) =>
    client.query('alter table device_proofs set (autovacuum_enabled = off)'),
  )
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.end()))
  await home.drop()
})
function statisticsAs(url = home.url) {
  const database = openDatabase({ url, maxConnections: 1, timeoutMs: 15_000 })
  open.push({ end: () => database.close() })
  return buildTableStatistics(database)
}

async function connect() {
  const client = new pg.Client({ connectionString: home.url })
  client.on('error', () => undefined)
  await client.connect()
  open.push(client)
  return client
}

/** Adds that many proofs; ends when the server has counted them. */
async function addProofs(client: pg.Client, count: number) {
  const rows = `select 't', 'd', gen_random_uuid()::text, clock_timestamp()
    from generate_series(1, $1::int)`
  await client.query(`insert into device_proofs ${rows}`, [count])
  await until('the rows are counted', async () => {
    await client.query('select pg_stat_force_next_flush()')
    const { rows } = await client.query<{ enough: boolean }>(
      `select pg_stat_get_live_tuples('device_proofs'::regclass) >= (select count(*)
        from device_proofs) as enough`,
    )
    return rows[0]?.enough
  })
}
async function knownRowCount(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ rows: number }>(
    `select reltuples as rows from pg_class where relname = 'device_proofs'`,
  )
  return rows[0]?.rows ?? 0
}

test('a table is analysed at 100, 1,000 and 10,000 rows, and not between', async () => {
  const client = await connect()
  const statistics = statisticsAs()
  const counts: number[] = []
  for (const more of [99, 1, 899, 1, 8_999, 1, 5_000]) {
    await addProofs(client, more)
    await statistics.refresh()
    counts.push(await knownRowCount(client))
  }
  expect(counts).toEqual([-1, 100, 100, 1_000, 1_000, 10_000, 10_000])
})

test('a connection replans a prepared statement after another one has analysed', async () => {
  const client = await connect()
  await client.query('set plan_cache_mode = force_generic_plan')
  await client.query('prepare every as select from device_proofs')
  const expectedRows = async () => {
    const { rows } = await client.query('explain (format json) execute every')
    return rows[0]['QUERY PLAN'][0].Plan['Plan Rows'] as number
  }
  const onEmpty = await expectedRows()
  await addProofs(client, 5_000)
  // The plan is cached: it does not know the rows.
  expect(await expectedRows()).toBe(onEmpty)
  await statisticsAs().refresh()
  expect(await expectedRows()).toBe(5_000)
})

test('many processes analyse concurrently, and none waits for a locked table', async () => {
  const client = await connect()
  await addProofs(client, 500)
  const busy = await connect()
  await busy.query('begin; lock table device_proofs in share update exclusive mode')
  await statisticsAs().refresh()
  expect(await knownRowCount(client)).toBe(-1)
  await busy.query('rollback')
  await Promise.all(Array.from({ length: 5 }, () => statisticsAs().refresh()))
  expect(await knownRowCount(client)).toBe(500)
})

test('a role that may not analyse our tables leaves it to those that may', async () => {
  const role = `cs_reader_${randomBytes(6).toString('hex')}`
  const client = await connect()
  await addProofs(client, 500)
  await client.query(`create role ${role} login password 'reader'`)
  try {
    const url = new URL(home.url)
    url.username = role
    url.password = 'reader'
    const { database, sent } = recordStatements(openDatabase({ url: url.href, maxConnections: 1 }))
    open.push({ end: () => database.close() })
    await buildTableStatistics(database).refresh()
    expect(sent.map(({ name }) => name)).toEqual(['due_statistics'])
  } finally {
    await client.query(`drop role ${role}`)
  }
})
