import { afterAll, beforeAll, expect, test } from 'vitest'
import { firstNoticeCursor } from '../../../src/activities/notice.store.ts'
import { buildNoticeStore } from '../../../src/activities/notices.sql.ts'
import { buildAuditStore } from '../../../src/audit/audit.sql.ts'
import { buildRetentionStore } from '../../../src/audit/retention.sql.ts'
import { buildChallengeStore } from '../../../src/challenges/challenges.sql.ts'
import { buildDeviceStore } from '../../../src/devices/devices.sql.ts'
import { retainedKinds } from '../../../src/domain/retention.ts'
import { systemRandom as random } from '../../../src/platform/crypto/random.ts'
import { buildLanes, laneLimits } from '../../../src/platform/postgres/lane.ts'
import { buildDeliveryStore } from '../../../src/push/deliveries.sql.ts'
import { onServer } from '../../support/cluster.ts'
import { nodesOf, planOf, recordStatements } from '../../support/statements.ts'
import {
  aDevice,
  aNewChallenge,
  anAnswer,
  anyRequest,
  aProof,
  aUser,
  noExceptions,
  openStores,
  type Stores,
} from '../../support/stores.ts'

let stores: Stores
const statements = new Map<string, string>()

beforeAll(async () => {
  stores = await openStores(2)
  const { database, sent } = recordStatements(stores.database)
  const challenges = buildChallengeStore(database, random, buildLanes(laneLimits))
  const deliveries = buildDeliveryStore(database)
  const user = await aUser(stores)
  const device = await aDevice(stores, user)
  const { tenantId, rpId, userId } = user
  const query = { tenantId, rpId, namespaces: ['default'], idempotencyKey: 'once', ...anyRequest }
  await challenges.loadCreation({ ...query, user: { id: userId } })
  await challenges.loadCreation({ ...query, user: { namespace: 'default', value: 'alice' } })
  const newChallenge = await aNewChallenge(stores, user, [device])
  await challenges.create(newChallenge, 'process')
  const { id } = newChallenge.challenge
  await challenges.loadPending(tenantId, device)
  await challenges.markFetched(tenantId, device, [id])
  await challenges.markReceived(id, aProof(user, device))
  await challenges.loadAnswer({ tenantId, deviceId: device, challengeId: id, jti: 'jti' })
  await addSimilarRows()
  await challenges.recordAnswer(anAnswer(user, id, device), aProof(user, device))
  await challenges.find(tenantId, rpId, id)
  await challenges.expire(null, 10)
  await deliveries.claim('process', 10)
  await deliveries.settle('process', [
    { tenantId, id: random.id('delivery'), outcome: { status: 'failed', reason: 'test' } },
  ])
  await deliveries.purgeProofs(10)
  const notices = buildNoticeStore(database, random)
  await notices.loadPending({ waitingAfter: null, limit: 10 })
  await notices.loadPending({ waitingAfter: firstNoticeCursor, limit: 10 })
  await notices.settle(tenantId, [random.id('activity')], 'in_app')
  const activityIds = [random.id('activity')]
  for (const isDigest of [false, true]) {
    const limit = { pushesMax: 3, otherwise: 'waiting', budget: rpId, isDigest } as const
    const push = { activityIds, deviceIds: [device], ...limit }
    await notices.enqueue({ tenantId, userId, push, deliveries: [], leasedBy: 'process' })
  }
  const audit = buildAuditStore(database, random)
  await audit.lengthen(tenantId, { limit: 10, lookBackSeconds: 60 }, () => [])
  const retention = buildRetentionStore(database, random)
  await retention.nextTenant(null)
  for (const kind of retainedKinds)
    await retention.purge(kind, tenantId, new Date(0), 10, noExceptions)
  await retention.purgeLeftovers('portalSessions', 10)
  await retention.purgeLeftovers('testPushes', 10)
  for (const kind of ['initiators', 'passcodeBudgets', 'singleUseCodes'] as const) {
    await retention.scan(kind, null, 10)
  }
  await buildDeviceStore(database, random).dropPushToken(Buffer.alloc(32), null, null)
  for (const { name, text } of sent) statements.set(name, text)
})
afterAll(() => stores.close())

/** In the order of their foreign keys. */
const tables = [
  'users',
  'user_identifiers',
  'user_protections',
  'initiators',
  'enrollments',
  'devices',
  'device_keys',
  'challenges',
  'challenge_targets',
  'activities',
  'deliveries',
  'device_proofs',
]

/**
 * Copies every row hundreds of times with other names, and updates the statistics: in small tables
 * any plan is good.
 */
async function addSimilarRows(): Promise<void> {
  await onServer(stores.url, async (client) => {
    for (const table of tables) {
      await client.query(
        `insert into ${table} select likes.*
         from ${table} t, generate_series(100001, 100500) n,
           regexp_replace(to_jsonb(t)::text, '"(usr|dev|chl|enr|dlv|act)_.{6}', '"\\1_' || n, 'g')
             as renamed,
           regexp_replace(renamed, '"(kid|jti|value|key|code_hash|push_token_hash)": "(\\\\\\\\x)?',
             '"\\1": "\\2' || n, 'g') as unique_too,
           jsonb_populate_record(null::${table}, unique_too::jsonb) as likes`,
      )
    }
    await client.query(
      `insert into deliveries (tenant_id, id, kind, device_id, status, attempts, due_at, settled_at)
       select d.tenant_id, 'dlv_test_' || row_number() over (), 'test', d.id, 'sent', 1,
         clock_timestamp(), clock_timestamp()
       from devices d limit 100`,
    )
    await client.query('analyze')
  })
}

/** Nodes that read all of a table, or all of an index. */
async function wholeReads(text: string): Promise<string[]> {
  const plan = await onServer(stores.url, (client) => planOf(client, text))
  return [...nodesOf(plan)].flatMap((node) => {
    const table = node['Relation Name']
    const isRead = /Scan/.test(node['Node Type']) && table !== undefined
    return isRead && !node['Index Cond'] && !node['Recheck Cond']
      ? [`${node['Node Type']} ${table}`]
      : []
  })
}

test('every hot statement and every sweep by time finds its rows by an index', async () => {
  expect(statements.size).toBeGreaterThanOrEqual(25)
  for (const [name, text] of statements) expect([name, await wholeReads(text)]).toEqual([name, []])
})

test('a scan of the audit chain reads recent rows, not all of a tenant', async () => {
  const text = statements.get('unlinked_rows') ?? ''
  const plan = await onServer(stores.url, (client) => planOf(client, text))
  const reads = [...nodesOf(plan)].filter(({ 'Relation Name': table }) => table === 'activities')
  expect(reads).toHaveLength(1)
  expect(reads[0]?.['Index Cond'] ?? reads[0]?.['Recheck Cond']).toContain('occurred_at')
})

test('a statement that no index serves is reported', async () => {
  expect(await wholeReads('select from challenges where number_digits = $1')).toEqual([
    'Seq Scan challenges',
  ])
})
