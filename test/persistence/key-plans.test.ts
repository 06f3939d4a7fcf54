import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildDueWorkStore } from '../../src/persistence/due-work.ts'
import { onServer } from '../support/cluster.ts'
import { listened, nodesOf, type Plan, planOf } from '../support/statements.ts'
import type { Stores } from '../support/stores.ts'
import { askEverything } from './hot-statements.ts'
import { fillLike, growing } from './likes.ts'

let stores: Stores
let statements: ReadonlyMap<string, string>

beforeAll(async () => {
  ;({ stores, statements } = await askEverything())
})
afterAll(() => stores.close())

/** Columns that tell the rows of one tenant apart: who names one finds the row by it. */
const telling: Readonly<Record<string, readonly string[]>> = {
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

/** How a node finds more rows of a growing table than are wanted; nothing when it does not. */
function faultOf(node: Plan): string | undefined {
  const table = node['Relation Name'] ?? node['Index Name']?.replace(/_tenant_id_.*|_pkey$/, '')
  if (!table || !growing.includes(table) || !/Scan/.test(node['Node Type'])) return undefined
  const cond = node['Index Cond'] ?? node['Recheck Cond']
  if (!cond) return `reads all of ${table}`
  if (/^\(tenant_id = [^ ]+\)$/.test(cond)) return `reads all of a tenant's ${table}`
  const filtered = telling[table]?.find((column) =>
    new RegExp(`(^|\\W)${column} = (?!ANY)|= ${column}\\W`).test(node.Filter ?? ''),
  )
  return filtered && `reads ${table} by ${cond} to look for one ${filtered}`
}

async function faults(client: pg.Client): Promise<string[]> {
  const found: string[] = []
  for (const [name, text] of statements) {
    for (const node of nodesOf(await planOf(client, text))) {
      const fault = faultOf(node)
      if (fault) found.push(`${name} ${fault}`)
    }
  }
  return found
}

test('every statement of a busy service finds its rows by their full key, before anything was analysed', async () => {
  expect(statements.size).toBeGreaterThan(60)
  await onServer(stores.url, async (client) => {
    await fillLike(client, 10_000)
    const { rows } = await client.query(
      `select relname from pg_class where relname = any($1) and reltuples <> -1`,
      [growing],
    )
    expect(rows).toEqual([])
    expect(await faults(client)).toEqual([])
  })
})

test('the look at what is owed reads the small indexes of what is owed, and no table', async () => {
  const { database, sent } = listened(stores.database)
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
  // Callbacks look for their challenges, each by its key; endpoints and facts are few.
  const others = /^(challenges_pkey|webhook_endpoints_.*|webhook_facts_.*)$/
  expect([...new Set(indexes)].filter((name) => !others.test(name)).toSorted()).toEqual(small)
})

test('and when the planner has known the tables since they held a thousand rows', async () => {
  const { stores: small } = await askEverything()
  try {
    await onServer(small.url, async (client) => {
      await fillLike(client, 1_000)
      await client.query('analyze')
      expect(await faults(client)).toEqual([])
    })
  } finally {
    await small.close()
  }
})
