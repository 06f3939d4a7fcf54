import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildAuditStore } from '../../../src/audit/audit.sql.ts'
import { buildChallengeStore } from '../../../src/challenges/challenges.sql.ts'
import { buildDiagnosticsStore } from '../../../src/devices/diagnostics/diagnostics.sql.ts'
import { buildIntegrationStore } from '../../../src/doors/integrations.sql.ts'
import { systemRandom as random } from '../../../src/platform/crypto/random.ts'
import type { Database } from '../../../src/platform/postgres/database.ts'
import { buildLanes, laneLimits } from '../../../src/platform/postgres/lane.ts'
import { buildReportStore } from '../../../src/protection/reports.sql.ts'
import { buildPushHistoryStore } from '../../../src/push/doctor/push-history.sql.ts'
import { buildTestPushStore } from '../../../src/push/test-pushes.sql.ts'
import { buildUserStore } from '../../../src/users/users.sql.ts'
import { buildWebhookDeliveryStore } from '../../../src/webhooks/webhook-deliveries.sql.ts'
import { onServer } from '../../support/cluster.ts'
import { nodesOf, planOf, recordStatements, type SentStatement } from '../../support/statements.ts'
import { aDevice, aUser, openStores, type Stores } from '../../support/stores.ts'

let stores: Stores
let sentStatements: SentStatement[]
let database: Database
let who: { tenantId: never; rpId: never; userId: never }
let busy: { userId: never; deviceId: never }
const endpointId = 'whe_1' as never
const many = 3_000

/**
 * A tenant with thousands of all rows, of which the filters below match few; the few are the
 * oldest.
 */
const rows = [
  `insert into users (tenant_id, id, display_name)
   select $1, 'usr_n' || lpad(n::text, 9, '0'), 'N' from generate_series(1, ${many}) n`,
  `insert into user_identifiers (tenant_id, namespace, value, key, user_id)
   select $1, case when n < 3 then 'rare' else 'default' end, 'n' || n, 'n' || n,
     'usr_n' || lpad(n::text, 9, '0') from generate_series(1, ${many}) n`,
  `insert into challenges (tenant_id, id, rp_id, user_id, status, reason, context, number_mode,
     wrong_numbers_left, user_verification, delivery_mode, signing_kid, result_jti, request_hash,
     resends_left, created_at, expires_at, decided_at)
   select $1, 'chl_n' || lpad(n::text, 9, '0'), $2, case when n <= 5 then $3 else $4 end,
     case when n = 1 then 'pending' when n = 2 then 'denied' else 'approved' end,
     case when n = 2 then 'user_denied' end, '{}', 'none', 3, 'preferred', 'push', 'k', 'j', '', 3,
     clock_timestamp(), clock_timestamp() + interval '1 hour',
     case when n <> 1 then clock_timestamp() end
   from generate_series(1, ${many}) n`,
  `insert into reports (tenant_id, id, user_id, status, resolution, resolved_at)
   select $1, 'rpt_n' || lpad(n::text, 9, '0'), $3, case when n < 3 then 'open' else 'resolved' end,
     case when n < 3 then null else 'fraud' end, case when n < 3 then null else clock_timestamp()
       end
   from generate_series(1, ${many}) n`,
  `insert into diagnostics (tenant_id, id, user_id, device_id, app_version, text)
   select $1, 'dgn_n' || lpad(n::text, 9, '0'), $3, $5, '1', '' from generate_series(1, ${many}) n`,
  `insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, due_at)
   select $1, 'dlv_n' || lpad(n::text, 9, '0'), case when n = 1 then 'test' else 'challenge_opened'
     end,
     case when n > 1 then 'chl_n000000003' end, $5, 'sent', clock_timestamp()
   from generate_series(1, ${many}) n`,
  `insert into audit_events (tenant_id, id, type, actor, subject)
   select $1, 'aud_n' || lpad(n::text, 9, '0'),
     case when n < 3 then 'app_added' else 'activities_purged' end,
     case when n < 3 then 'operator:n' else 'service' end,
     case when n < 3 then 'app_n' else 'tnt_n' end
   from generate_series(1, ${many}) n`,
  `insert into webhook_endpoints (tenant_id, id, rp_id, url, events, secret_sealed)
   values ($1, 'whe_1', $2, 'https://example.com', array['*'], '')`,
  `insert into webhook_deliveries (tenant_id, endpoint_id, event_id, type, data, occurred_at,
    status,
     stale_at, settled_at)
   select $1, 'whe_1', 'evt_n' || lpad(n::text, 9, '0'), 'challenge.approved', '{}',
     clock_timestamp(),
     case when n < 3 then 'failed' else 'delivered' end, clock_timestamp(), clock_timestamp()
   from generate_series(1, ${many}) n`,
  `insert into webhook_attempts (tenant_id, id, endpoint_id, event_id, at, duration_ms)
   select $1, 'wha_n' || lpad(n::text, 9, '0'), 'whe_1', 'evt_n' || lpad(n::text, 9, '0'),
     clock_timestamp(), 1 from generate_series(1, ${many}) n`,
]

beforeAll(async () => {
  stores = await openStores(2)
  const { tenantId, rpId, userId } = await aUser(stores)
  const deviceId = await aDevice(stores, { tenantId, rpId, userId, signingKid: 'k' })
  const values = [tenantId, rpId, userId, `usr_n${String(many).padStart(9, '0')}`, deviceId]
  await onServer(stores.url, async (client) => {
    for (const text of rows) {
      const usedCount = Math.max(...[...text.matchAll(/\$(\d)/g)].map(([, n]) => Number(n)))
      const typedParameters = values.slice(0, usedCount).map((_, n) => `$${n + 1}::text`)
      await client.query(
        `with given as (select ${typedParameters.join(', ')}) ${text}`,
        values.slice(0, usedCount),
      )
    }
    await client.query('analyze')
  })
  ;({ database, sent: sentStatements } = recordStatements(stores.database))
  who = { tenantId, rpId, userId } as never
  busy = { userId: values[3], deviceId } as never
})
afterAll(() => stores.close())

const first = { limit: 10, before: null }
const from = (prefix: string) => ({ limit: 10, before: `${prefix}_n000001000` })
const ofParty = { userId: null, status: null }

/** Every list that a caller may filter or continue, with the count of its result. */
const lists: readonly (readonly [
  name: string,
  found: number,
  list: (db: Database) => Promise<unknown>,
])[] = [
  ['challenges', 10, (db) => challenges(db, ofParty, first)],
  ['challenges, a late page', 10, (db) => challenges(db, ofParty, from('chl'))],
  ['challenges of a user', 5, (db) => challenges(db, { ...ofParty, userId: who.userId }, first)],
  [
    'challenges of a busy user, a late page',
    10,
    (db) => challenges(db, { ...ofParty, userId: busy.userId }, from('chl')),
  ],
  [
    'challenges of a user by status',
    1,
    (db) => challenges(db, { userId: who.userId, status: 'denied' }, first),
  ],
  ['pending challenges', 1, (db) => challenges(db, { ...ofParty, status: 'pending' }, first)],
  ['denied challenges', 1, (db) => challenges(db, { ...ofParty, status: 'denied' }, first)],
  ['expired challenges', 0, (db) => challenges(db, { ...ofParty, status: 'expired' }, first)],
  [
    'approved challenges, a late page',
    10,
    (db) => challenges(db, { ...ofParty, status: 'approved' }, from('chl')),
  ],
  ['users', 10, (db) => users(db, ['default'], first)],
  ['users, a late page', 10, (db) => users(db, ['default'], from('usr'))],
  ['users of a namespace that few are in', 2, (db) => users(db, ['rare'], first)],
  ['users of two namespaces', 10, (db) => users(db, ['rare', 'default'], first)],
  ['reports, a late page', 10, (db) => reports(db, null, from('rpt'))],
  ['open reports', 2, (db) => reports(db, 'open', first)],
  ['resolved reports, a late page', 10, (db) => reports(db, 'resolved', from('rpt'))],
  [
    'diagnostics, a late page',
    10,
    (db) => buildDiagnosticsStore(db, random).list(who.tenantId, from('dgn')),
  ],
  [
    'attempts of webhooks, a late page',
    10,
    (db) => buildWebhookDeliveryStore(db).listAttempts(who.tenantId, endpointId, from('wha')),
  ],
  ['failed webhooks to send again', 2, (db) => replay(db, { failedSince: new Date(0) }, 2)],
  ['one webhook to send again', 1, (db) => replay(db, { eventId: 'evt_n000000009' as never }, 1)],
  [
    'the last test push of a device',
    1,
    async (db) => {
      const last = await buildTestPushStore(db, random).findLast(who.tenantId, busy.deviceId)
      return last ? [last] : []
    },
  ],
  [
    'the last pushes to a device',
    10,
    async (db) =>
      (await buildPushHistoryStore(db).find(who.tenantId, busy.deviceId, 10))?.pushes ?? [],
  ],
  ['audit events, a late page', 10, (db) => auditEvents(db, {}, from('aud'))],
  ['audit events of a rare type', 2, (db) => auditEvents(db, { type: 'app_added' }, first)],
  ['audit events by a rare actor', 2, (db) => auditEvents(db, { actor: 'operator:n' }, first)],
  ['audit events about a rare subject', 2, (db) => auditEvents(db, { subject: 'app_n' }, first)],
  [
    'audit events of a common subject, a late page',
    10,
    (db) => auditEvents(db, { subject: 'tnt_n' }, from('aud')),
  ],
  [
    'integrations of a relying party',
    0,
    (db) => buildIntegrationStore(db, random).list(who.tenantId, who.rpId),
  ],
]

const auditEvents = (
  db: Database,
  filter: Parameters<Stores['audit']['list']>[1],
  page: Parameters<Stores['audit']['list']>[2],
) => buildAuditStore(db, random).list(who.tenantId, filter, page)
type Filter = Pick<Parameters<Stores['challenges']['list']>[0], 'userId' | 'status'>
type Page = Parameters<Stores['challenges']['list']>[1]
const challenges = (db: Database, filter: Filter, page: Page) =>
  buildChallengeStore(db, random, buildLanes(laneLimits)).list({ ...who, ...filter }, page)
const users = (db: Database, namespaces: readonly string[], page: Page) =>
  buildUserStore(db, random).list(who.tenantId, namespaces, page)
const reports = (db: Database, status: 'open' | 'resolved' | null, page: Page) =>
  buildReportStore(db, random).list(who.tenantId, status, page)
type Which = Parameters<Stores['webhookDeliveries']['replay']>[2]
const replay = async (db: Database, which: Which, expectedCount: number) => {
  const count = await buildWebhookDeliveryStore(db).replay(who.tenantId, endpointId, which, 10)
  expect(count).toBe(expectedCount)
  // As they were, so that the next run finds the same.
  await db.query(
    'as_before',
    `update webhook_deliveries set status = case when event_id < 'evt_n000000003' then 'failed'
       else 'delivered' end, settled_at = clock_timestamp() where status = 'queued'`,
    [],
  )
  return Array.from({ length: count })
}

/** Rows that were read from tables, including those that a filter discarded. */
async function rowsRead({ text, values }: SentStatement): Promise<number> {
  const plan = await onServer(stores.url, async (client) => {
    await client.query('begin')
    return planOf(client, text, values)
  })
  const reads = [...nodesOf(plan)].filter((node) => node['Relation Name'] && !node.Plans?.length)
  return reads.reduce(
    (sum, node) =>
      sum +
      (node['Actual Loops'] ?? 0) *
        ((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)),
    0,
  )
}

test.each(lists)(
  'a page of %s is found without reading rows that are not on it',
  async (_, expectedCount, list) => {
    sentStatements.length = 0
    expect(await list(database)).toHaveLength(expectedCount)
    const statements = sentStatements.filter(({ name }) => name !== 'as_before')
    expect(statements.length).toBeGreaterThan(0)
    // A page of ten, of each of five statuses at worst.
    for (const statement of statements) expect(await rowsRead(statement)).toBeLessThanOrEqual(60)
  },
)

test('no statement has a filter that may be null, which no index can serve', async () => {
  const files: string[] = []
  for (const file of globSync('src/**/*.ts')) {
    const text = await readFile(file, 'utf8')
    const open = text.match(/(\$\d+|(?<!:):[a-z]\w*)(::\w+)? is null or/gi) ?? []
    for (const _ of open) files.push(file)
  }
  // Devices with one push token, found by its hash: the optional filter applies to those rows only.
  expect(files).toEqual(['src/devices/devices.sql.ts'])
})
