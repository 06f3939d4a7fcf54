import { createHash } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildAuditStore } from '../../src/audit/audit.sql.ts'
import { buildRetentionStore } from '../../src/audit/retention.sql.ts'
import { linksFor } from '../../src/domain/audit-chain.ts'
import type { TenantId } from '../../src/domain/ids.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import { statements } from '../../src/platform/postgres/statement.ts'
import { nodesOf, type Plan, recordStatements, type SentStatement } from '../support/statements.ts'
import { aUser, noExceptions, openStores, type Stores } from '../support/stores.ts'

// Nothing is ever analysed, as in a new installation; and plans are made while the tables are still
// empty, and cached.

let stores: Stores
let tenantId: TenantId
let client: pg.Client
const many = 12_000
const batch = 500

const names = ['find_unlinked', 'unlinked_rows', 'purge_activities', 'purge_challenges']
const digest = (text: string) => createHash('sha256').update(text).digest('base64url')
const lengthen = (limit: number) =>
  stores.audit.lengthen(tenantId, { limit, lookBackSeconds: 60 }, (end, rows) =>
    linksFor(digest, tenantId, end, rows),
  )

beforeAll(async () => {
  stores = await openStores(2)
  const user = await aUser(stores)
  tenantId = user.tenantId
  const { database, sent } = recordStatements(stores.database)
  const audit = buildAuditStore(database, random)
  await audit.findUnlinked({ limit: batch, lookBackSeconds: 60 })
  await audit.lengthen(tenantId, { limit: batch, lookBackSeconds: 60 }, () => [])
  const retention = buildRetentionStore(database, random)
  for (const kind of ['activities', 'challenges'] as const) {
    await retention.purge(kind, tenantId, new Date(0), batch, noExceptions)
  }
  client = new pg.Client({ connectionString: stores.url })
  await client.connect()
  for (const table of ['activities', 'audit_links', 'challenges']) {
    await client.query(`alter table ${table} set (autovacuum_enabled = false)`)
  }
  for (const one of sent.filter(({ name }) => name === 'walk_by_time').slice(0, 1)) {
    await client.query(one.text.replaceAll(', true)', ', false)'))
  }
  await client.query('set plan_cache_mode = force_generic_plan')
  for (const name of names) await prepare(sent, name)
  await client.query(
    `insert into activities (tenant_id, id, user_id, type, severity, actor, occurred_at, notice)
     select $1, 'act_n' || lpad(n::text, 9, '0'), $2,
       case when n % 2 = 0 then 'challenge_created' else 'challenge_approved' end, 'info',
         'service',
       now() - interval '1 day' + n * interval '10 milliseconds', 'in_app'
     from generate_series(1, ${many}) n`,
    [tenantId, user.userId],
  )
  await client.query(
    `insert into challenges (tenant_id, id, rp_id, user_id, status, context, number_mode,
       wrong_numbers_left, user_verification, delivery_mode, signing_kid, result_jti, request_hash,
       resends_left, created_at, expires_at, decided_at)
     select $1, 'chl_n' || lpad(n::text, 9, '0'), $2, $3, 'approved', '{}', 'none', 3, 'preferred',
       'push', 'k', 'j', '', 3, now(), now(), now() - interval '1 day' + n * interval '1 second'
     from generate_series(1, ${many}) n`,
    [tenantId, user.rpId, user.userId],
  )
})
afterAll(async () => {
  await client.end()
  await stores.close()
})

/** Plans the statement on the empty tables; executed once, else the plan would be made later. */
async function prepare(statements: readonly SentStatement[], name: string): Promise<void> {
  const one = statements.find((statement) => statement.name === name)
  if (!one) throw new Error(`${name} was not sent`)
  await client.query(`prepare ${name} as ${one.text}`)
  await client.query('begin')
  await client.query(`execute ${name}(${one.values.map(() => 'null').join(', ')})`)
  await client.query('rollback')
}

/**
 * The most rows that the statement reads, by the plan that was made first and by one made for these
 * values now.
 */
async function rowsRead(name: string, ...values: readonly string[]): Promise<number> {
  const first = await rowsReadBy('force_generic_plan', name, values)
  return Math.max(first, await rowsReadBy('force_custom_plan', name, values))
}

async function rowsReadBy(mode: string, name: string, values: readonly string[]) {
  const args = values.map((value) => pg.escapeLiteral(value)).join(', ')
  await client.query('begin')
  await client.query(`set local plan_cache_mode = ${mode}`)
  const explanation = await client.query(
    `explain (analyze, timing off, format json) execute ${name}(${args})`,
  )
  await client.query('rollback')
  const plan = explanation.rows[0]['QUERY PLAN'][0].Plan as Plan
  return [...nodesOf(plan)]
    .filter((node) => node['Relation Name'])
    .reduce(
      (sum, node) =>
        sum +
        (node['Actual Loops'] ?? 0) *
          ((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)),
      0,
    )
}
const bounds = async () => {
  const { rows } = await client.query(
    `select (linked_through - interval '60 seconds')::text as since from audit_chains
     where tenant_id = $1`,
    [tenantId],
  )
  return rows[0].since as string
}

test('a scan of a backlog reads a batch of it, not the backlog', async () => {
  await client.query('update audit_chains set linked_through = null')
  // Each activity that is to be linked, one beside it that is not, and a look for the link.
  expect(await rowsRead('unlinked_rows', tenantId, '-infinity', `${batch}`)).toBeLessThan(4 * batch)
  expect(await rowsRead('find_unlinked', '60', '10')).toBeLessThan(30)
})

test('a scan with nothing new reads recent rows, not all that a tenant ever recorded', async () => {
  while ((await lengthen(batch)) === batch);
  expect(await rowsRead('unlinked_rows', tenantId, await bounds(), `${batch}`)).toBeLessThan(30)
  expect(await rowsRead('find_unlinked', '60', '10')).toBeLessThan(30)
  expect(await rowsRead('find_unlinked', '0', '10')).toBeLessThan(30)
})

test('a row that the chain missed is found on any page', async () => {
  expect(await stores.audit.findOverdueRow(tenantId)).toBeNull()
  const isForgotten = async (id: string) => {
    await client.query('delete from audit_links where tenant_id = $1 and row_id = $2', [
      tenantId,
      id,
    ])
    return stores.audit.findOverdueRow(tenantId)
  }
  expect(await isForgotten('act_n000011999')).toBe('act_n000011999')
  expect(await isForgotten('act_n000000001')).toBe('act_n000000001')
})

test('the links of a purged batch are found by its rows, not by reading the chain', async () => {
  const definition = statements.get('links_of_purged')
  await prepare(definition ? [{ ...definition, values: ['', []] }] : [], 'links_of_purged')
  const ids = Array.from({ length: 50 }, (_, n) => `act_n${String(2 * n + 1).padStart(9, '0')}`)
  const read = await rowsRead('links_of_purged', `{${ids.join()}}`, tenantId)
  expect(read).toBeGreaterThan(ids.length - 5)
  expect(read).toBeLessThanOrEqual(ids.length)
})

test.each(['activities', 'challenges'])(
  'a purge of %s reads a batch of them, not all old ones',
  async (kind) => {
    const before = '2100-01-01'
    expect(await rowsRead(`purge_${kind}`, tenantId, before, '50')).toBeLessThan(1_000)
  },
)
