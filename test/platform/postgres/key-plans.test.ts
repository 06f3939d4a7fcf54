import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildDueWorkStore } from '../../../src/platform/postgres/due-work.ts'
import { onServer } from '../../support/cluster.ts'
import {
  nodesOf,
  type Plan,
  planOf,
  prepareAll,
  recordStatements,
} from '../../support/statements.ts'
import type { Stores } from '../../support/stores.ts'
import { runHotStatements } from './hot-statements.ts'
import { fillWithSimilarRows, growing } from './similar-rows.ts'

let stores: Stores
let statements: ReadonlyMap<string, string>

beforeAll(async () => {
  ;({ stores, statements } = await runHotStatements())
})
afterAll(() => stores.close())

/** Columns that distinguish the rows of one tenant: a query that names one finds the row by it. */
const keyColumns: Readonly<Record<string, readonly string[]>> = {
  challenges: ['id'],
  devices: ['id'],
  deliveries: ['id', 'challenge_id'],
  activities: ['id'],
  users: ['id'],
  enrollments: ['id', 'code_hash'],
  user_identifiers: ['key'],
  user_protections: ['user_id'],
  initiators: ['user_id', 'key'],
  challenge_targets: ['challenge_id'],
  answers: ['challenge_id'],
  device_proofs: ['jti'],
  passcode_secrets: ['device_id'],
  passcode_budgets: ['user_id', 'name'],
  single_use_codes: ['id'],
  portal_sessions: ['id', 'link_hash', 'session_hash'],
  shown_numbers: ['id'],
  followed_challenges: ['challenge_id'],
  keycloak_callbacks: ['challenge_id'],
  webhook_deliveries: ['event_id'],
}

/** How a node reads more rows of a growing table than needed; nothing when it does not. */
function faultOf(node: Plan): string | undefined {
  const table = node['Relation Name'] ?? node['Index Name']?.replace(/_tenant_id_.*|_pkey$/, '')
  if (!table || !growing.includes(table) || !/Scan/.test(node['Node Type'])) return undefined
  const cond = node['Index Cond'] ?? node['Recheck Cond']
  if (!cond) return `reads all of ${table}`
  if (/^\(tenant_id = [^ ]+\)$/.test(cond)) return `reads all of a tenant's ${table}`
  const filterColumn = keyColumns[table]?.find((column) =>
    new RegExp(`(^|\\W)${column} = (?!ANY)|= ${column}\\W`).test(node.Filter ?? ''),
  )
  return filterColumn && `reads ${table} by ${cond} to look for one ${filterColumn}`
}

async function faults(read: (name: string, text: string) => Promise<Plan>): Promise<string[]> {
  const faultList: string[] = []
  for (const [name, text] of statements) {
    for (const node of nodesOf(await read(name, text))) {
      const fault = faultOf(node)
      if (fault) faultList.push(`${name} ${fault}`)
    }
  }
  return faultList
}

test('every statement of a busy service finds rows by full key, without statistics', async () => {
  expect(statements.size).toBeGreaterThan(60)
  expect([...statements.keys()]).toEqual(
    expect.arrayContaining(['insert_challenges', 'record_answers']),
  )
  await onServer(stores.url, async (client) => {
    await fillWithSimilarRows(client, 10_000)
    const { rows } = await client.query(
      `select relname from pg_class where relname = any($1) and reltuples <> -1`,
      [growing],
    )
    expect(rows).toEqual([])
    expect(await faults((_, text) => planOf(client, text))).toEqual([])
  })
})

test('the scan for due work reads the small indexes of due work, and no table', async () => {
  const { database, sent } = recordStatements(stores.database)
  await buildDueWorkStore(database).read()
  const plan = await onServer(stores.url, (client) => planOf(client, sent[0]?.text ?? ''))
  const nodes = [...nodesOf(plan)]
  const whole = nodes.filter((node) => node['Node Type'] === 'Seq Scan')
  expect(whole.filter((node) => growing.includes(node['Relation Name'] ?? ''))).toEqual([])
  const indexes = nodes.flatMap((node) => node['Index Name'] ?? [])
  const small = [
    'activities_owed',
    'activities_waiting',
    'challenges_expiring',
    'deliveries_owed',
    'keycloak_callbacks_unsettled',
    'users_erasing',
    'webhook_deliveries_due',
    'webhook_deliveries_going_stale',
  ]
  // Callbacks look up their challenges, each by its key; endpoints and facts are few.
  const others = /^(challenges_pkey|webhook_endpoints_.*|webhook_facts_.*)$/
  expect([...new Set(indexes)].filter((name) => !others.test(name)).toSorted()).toEqual(small)
})

test('a thousand rows later full keys are used, too, by plans that were made on empty tables', async () => {
  const { stores: small } = await runHotStatements()
  try {
    await onServer(small.url, async (client) => {
      const keptPlan = await prepareAll(client, statements)
      const emptyPlans = await faults(keptPlan)
      await onServer(small.url, (other) => fillWithSimilarRows(other, 1_000))
      await small.tableStatistics.refresh()
      expect(await faults(keptPlan)).toEqual([])
      expect(emptyPlans).not.toEqual([])
      expect(await faults((_, text) => planOf(client, text))).toEqual([])
    })
  } finally {
    await small.close()
  }
})
