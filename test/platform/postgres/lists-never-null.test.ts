import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase
let client: pg.Client
beforeAll(async () => {
  database = await createTestDatabase()
  client = new pg.Client(database.url)
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await database.drop()
})

const fillers: Readonly<Record<string, string>> = {
  bytea: `'x'`,
  integer: '1',
  jsonb: `'{}'`,
  text: `'x'`,
  'timestamp with time zone': 'now()',
}

/** Inserts a row in which this column is null and every other column that needs a value has one. */
async function insertNull(table: string, column: string): Promise<unknown> {
  const { rows } = await client.query<{ name: string; type: string }>(
    `select column_name as name, data_type as type from information_schema.columns
     where table_name = $1 and column_name <> $2 and is_nullable = 'NO' and column_default is null`,
    [table, column],
  )
  const names = [column, ...rows.map(({ name }) => name)]
  const values = ['null', ...rows.map(({ type }) => fillers[type])]
  return client.query(`insert into ${table} (${names.join(', ')}) values (${values.join(', ')})`)
}

// Prisma reads a null list as an empty one and does not compare whether a list may be null, so
// `npm run schema -- check` would not report it.
test.each([
  ['api_keys', 'scopes'],
  ['api_keys', 'allowed_addresses'],
  ['integrations', 'allowed_addresses'],
  ['relying_parties', 'namespaces'],
  ['webhook_endpoints', 'events'],
  ['webhook_facts', 'viewer_rp_ids'],
])('%s.%s is never null, and empty by default', async (table, column) => {
  const notNullViolation = { code: '23502', table, column }
  await expect(insertNull(table, column)).rejects.toMatchObject(notNullViolation)
  const { rows } = await client.query(
    `select column_default as value from information_schema.columns
     where table_name = $1 and column_name = $2`,
    [table, column],
  )
  expect(rows).toEqual([{ value: 'ARRAY[]::text[]' }])
})
