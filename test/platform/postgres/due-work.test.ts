import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DeviceId } from '../../../src/domain/ids.ts'
import { buildDueWorkStore } from '../../../src/platform/postgres/due-work.ts'
import type { WorkKind } from '../../../src/platform/work/due-work.store.ts'
import { onServer } from '../../support/cluster.ts'
import { nodesOf, planOf, recordStatements } from '../../support/statements.ts'
import {
  aDevice,
  aStoredChallenge,
  aUser,
  openStores,
  type Stores,
  type TestUser,
} from '../../support/stores.ts'

let stores: Stores
let user: TestUser
let device: DeviceId

const run = (text: string, ...values: unknown[]) =>
  onServer(stores.url, (client) => client.query(text, values))

beforeAll(async () => {
  stores = await openStores()
  user = await aUser(stores)
  device = await aDevice(stores, user)
  await run(
    `insert into integrations (tenant_id, id, rp_id, name, kind, namespace, settings, number_mode,
       user_names, status)
     values ($1, 'int_1', $2, 'Realm', 'keycloak_ciba', 'default', '{}', 'caller', '{}', 'active')`,
    user.tenantId,
    user.rpId,
  )
})
beforeEach(async () => {
  for (const table of ['deliveries', 'keycloak_callbacks', 'activities', 'webhook_facts']) {
    await run(`delete from ${table}`)
  }
  await run('delete from webhook_deliveries')
  await run('delete from webhook_endpoints')
  await run('delete from challenge_targets')
  await run('delete from challenges')
})
afterAll(() => stores.close())

/** The due work, in whole seconds from now. */
async function dueWork(): Promise<Partial<Record<WorkKind, number>>> {
  const entries = Object.entries(await stores.dueWork.read())
  return Object.fromEntries(
    entries.flatMap(([kind, ms]) => (ms === null ? [] : [[kind, Math.ceil(ms / 1000)]])),
  )
}

async function anEndedChallenge(): Promise<string> {
  const id = await aStoredChallenge(stores, user, [device])
  await run(`update challenges set status = 'denied', reason = 'user_denied',
    decided_at = clock_timestamp(), number_sealed = null`)
  await run('delete from deliveries')
  await run('delete from activities')
  return id
}

const anEndpoint = (status: string) =>
  run(
    `insert into webhook_endpoints (tenant_id, id, rp_id, url, events, secret_sealed, status)
     values ($1, 'whe_1', $2, 'https://example.com', array['*'], '', $3)`,
    user.tenantId,
    user.rpId,
    status,
  )
const aWebhook = (dueIn: string, staleIn: string, leasedFor: string | null = null) =>
  run(
    `insert into webhook_deliveries (tenant_id, endpoint_id, event_id, type, data, occurred_at,
       due_at, stale_at, leased_by, leased_until)
     values ($1, 'whe_1', 'evt_1', 'challenge.approved', '{}', clock_timestamp(),
       clock_timestamp() + $2::interval, clock_timestamp() + $3::interval,
       case when $4::text is not null then 'x' end, clock_timestamp() + $4::interval)`,
    user.tenantId,
    dueIn,
    staleIn,
    leasedFor,
  )

describe('due work', () => {
  test('due work is nothing where nothing is queued', async () => {
    expect(await dueWork()).toEqual({})
  })

  test('due work is a push when its lease ends, and its challenge when it expires', async () => {
    await aStoredChallenge(stores, user, [device], { ttlMs: 120_000 })
    await run('delete from activities')
    expect(await dueWork()).toEqual({ pushes: 15, queuedPushes: 0, expiry: 120 })
  })

  test('due work is a push to retry at its due time, the earliest of several', async () => {
    await aStoredChallenge(stores, user, [device, await aDevice(stores, user)])
    await run('delete from activities')
    await run(`update deliveries set leased_by = null, leased_until = null,
      due_at = clock_timestamp() + interval '40 s'`)
    expect(await dueWork()).toMatchObject({ pushes: 40 })
    await run(`update deliveries set due_at = clock_timestamp() - interval '7 s'
      where id = (select min(id) from deliveries)`)
    expect((await dueWork()).pushes).toBeLessThanOrEqual(-6)
  })

  test('due work is immediate where more is queued than one scan reads', async () => {
    await aStoredChallenge(stores, user, [device])
    await run(`insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, due_at,
        leased_by, leased_until)
      select tenant_id, 'dlv_' || n, kind, challenge_id, device_id, 'queued', due_at, leased_by,
        leased_until
      from deliveries, generate_series(1, 2000) as n`)
    expect(await dueWork()).toMatchObject({ pushes: 0 })
  })

  test('due work is neither a push nor a challenge that is over', async () => {
    await anEndedChallenge()
    await aStoredChallenge(stores, user, [device])
    await run(`update challenges set status = 'cancelled', decided_at = clock_timestamp(),
      number_sealed = null where status = 'pending'`)
    await run(`update deliveries set status = 'sent', settled_at = clock_timestamp(),
      leased_by = null, leased_until = null`)
    await run('delete from activities')
    expect(await dueWork()).toEqual({})
  })

  test('due work is a callback to a realm after its challenge has ended', async () => {
    const id = await anEndedChallenge()
    await run(
      `insert into keycloak_callbacks (tenant_id, challenge_id, integration_id, issuer,
         token_sealed, due_at)
       values ($1, $2, 'int_1', 'https://realm.example', 'x', clock_timestamp() + interval '3 s')`,
      user.tenantId,
      id,
    )
    expect(await dueWork()).toEqual({ callbacks: 3 })
    await run(`update keycloak_callbacks set status = 'trying', tried_at = clock_timestamp(),
      first_tried_at = clock_timestamp()`)
    expect(await dueWork()).toEqual({ callbacksUnderWay: 0 })
    await run(`update keycloak_callbacks set status = 'owed', tried_at = null`)
    await run(`update challenges set status = 'pending', reason = null, decided_at = null,
      number_sealed = 'x'`)
    expect((await dueWork()).callbacks).toBeUndefined()
  })

  test.each([
    ['owed', 'info', 'notices'],
    [null, 'critical', 'notices'],
    ['waiting', 'info', 'waitingNotices'],
    ['pushed', 'critical', undefined],
    [null, 'info', undefined],
  ] as const)(
    'due work is an activity with notice %s and severity %s as %s',
    async (notice, severity, kind) => {
      await run(
        `insert into activities (tenant_id, id, user_id, type, severity, actor, notice)
       values ($1, 'act_1', $2, 'device_enrolled', $3, 'operator', $4)`,
        user.tenantId,
        user.userId,
        severity,
        notice,
      )
      expect(Object.keys(await dueWork())).toEqual(kind ? [kind] : [])
    },
  )

  test('is a webhook when due, free or stale; for a paused endpoint only when stale', async () => {
    await anEndpoint('active')
    await aWebhook('5 s', '60 s')
    expect(await dueWork()).toEqual({ webhooks: 5, staleWebhooks: 60 })
    await run('delete from webhook_deliveries')
    await aWebhook('-5 s', '60 s', '20 s')
    expect(await dueWork()).toEqual({ webhooks: 20, staleWebhooks: 60 })
    await run(`update webhook_endpoints set status = 'paused', status_reason = 'failing'`)
    expect(await dueWork()).toEqual({ staleWebhooks: 60 })
  })

  test('due work is an event for endpoints, immediately', async () => {
    await anEndpoint('active')
    // As the first endpoint of an installation does.
    await run(`select nextval('webhook_facts_seq_seq')`)
    await aStoredChallenge(stores, user, [device])
    await run('update challenges set expires_at = clock_timestamp()')
    await stores.challenges.expire(null, 10)
    expect(await dueWork()).toMatchObject({ webhooks: 0 })
  })

  test('due work is an erasure that is under way', async () => {
    await run('update users set erasing_since = clock_timestamp()')
    expect(await dueWork()).toEqual({ erasures: 0 })
    await run('update users set erasing_since = null')
  })
})

test('a scan for due work reads no whole table, on a database never analysed', async () => {
  const { sent, database } = recordStatements(stores.database)
  await buildDueWorkStore(database).read()
  const plan = await onServer(stores.url, async (client) => {
    await client.query('set enable_seqscan = off')
    return planOf(client, sent[0]?.text ?? '')
  })
  const scannedTables = [...nodesOf(plan)].filter((node) => node['Node Type'] === 'Seq Scan')
  // Endpoints are few, and facts are deleted as soon as they are written down as events.
  const few = ['webhook_endpoints', 'webhook_facts']
  expect(
    scannedTables.map((node) => `${node['Relation Name']}`).filter((name) => !few.includes(name)),
  ).toEqual([])
})
