import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DeviceId } from '../../../src/domain/ids.ts'
import { leaseName } from '../../../src/domain/lease.ts'
import { buildLeaseStore } from '../../../src/platform/postgres/leases.ts'
import {
  acquirePresence,
  type Presence,
  presenceClass,
} from '../../../src/platform/postgres/presence.ts'
import { onServer } from '../../support/cluster.ts'
import { hasPgBouncer, startPgBouncer } from '../../support/pgbouncer.ts'
import { notRun } from '../../support/programs.ts'
import {
  aDevice,
  aStoredChallenge,
  aUser,
  openStores,
  type Stores,
  type TestUser,
} from '../../support/stores.ts'
import { until } from '../../support/until.ts'

let stores: Stores
let user: TestUser
let device: DeviceId
const presences: Presence[] = []
const failures: unknown[] = []

beforeAll(async () => {
  stores = await openStores()
  user = await aUser(stores)
  device = await aDevice(stores, user)
})
beforeEach(() => run('delete from deliveries'))
afterEach(async () => {
  await Promise.all(presences.splice(0).map((presence) => presence.close()))
  failures.length = 0
})
afterAll(() => stores.close())

const run = (text: string, ...values: unknown[]) =>
  onServer(stores.url, (client) => client.query(text, values))

async function aProcess(schema?: string): Promise<Presence> {
  const place = { url: stores.url, ...(schema && { schema }) }
  const presence = await acquirePresence(place, (error) => failures.push(error))
  presences.push(presence)
  return presence
}

/** Ends its connection, as the end of the process would. */
async function cut(presence: Presence): Promise<void> {
  const [, objid] = presence.name.split(':')
  const { rowCount } = await run(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
      and objid = $1::oid`,
    objid,
  )
  expect(rowCount).toBe(1)
}

/** Queues a push that is leased under this name. */
async function aLease(name: string): Promise<void> {
  await aStoredChallenge(stores, user, [device])
  await run(`update deliveries set leased_by = $1 where leased_by = 'test'`, name)
}

async function freeLeases(): Promise<string[]> {
  const { rows } = await run(
    `select leased_by from deliveries where leased_until <= clock_timestamp() order by leased_by`,
  )
  return rows.map((row) => row.leased_by)
}

describe('a process', () => {
  test('a process is seen while it lives, and not a moment longer', async () => {
    const [first, second] = [await aProcess(), await aProcess()]
    expect((await stores.leases.holders()).toSorted()).toEqual([first.name, second.name].toSorted())
    await first.close()
    expect(await stores.leases.holders()).toEqual([second.name])
  })

  test('a process is alone until it is noticed or counted that there are others', async () => {
    const first = await aProcess()
    expect(first.isAlone()).toBe(true)
    const second = await aProcess()
    expect(second.isAlone()).toBe(false)
    first.noticeOthers()
    expect(first.isAlone()).toBe(false)
  })

  test('a process that has lost its connection does not count as alone', async () => {
    const presence = await aProcess()
    await cut(presence)
    await until('it is absent', () => !presence.isPresent())
    expect(presence.isAlone()).toBe(false)
    await until('it is back, and has counted', () => presence.isAlone())
  })

  test('whose connection is lost comes back by itself under its name', async () => {
    const presence = await aProcess()
    await cut(presence)
    await until('it is absent', () => !presence.isPresent())
    expect(leaseName(presence)).toBe(`unseen:${presence.name}`)
    await until('it is back', () => presence.isPresent())
    expect(await stores.leases.holders()).toEqual([presence.name])
    expect(leaseName(presence)).toBe(presence.name)
    expect(failures).toEqual([])
  })

  test('a process of another installation in the same database is not seen', async () => {
    await run('create schema if not exists other')
    const [ours, theirs] = [await aProcess(), await aProcess('other')]
    expect(await stores.leases.holders()).toEqual([ours.name])
    expect(await buildLeaseStore(stores.database, 'other').holders()).toEqual([theirs.name])
  })

  test('a process of another database on the same server is not seen', async () => {
    const other = await openStores()
    try {
      await aProcess()
      expect(await other.leases.holders()).toEqual([])
    } finally {
      await other.close()
    }
  })
})

if (hasPgBouncer) {
  test('behind PgBouncer a process is seen until it ends, even without a goodbye', async () => {
    await using pooler = await startPgBouncer(stores.url, { pool_mode: 'session' })
    const presence = await acquirePresence({ url: pooler.url }, () => undefined)
    presences.push(presence)
    const killedClient = new pg.Client({ connectionString: pooler.url })
    killedClient.on('error', () => undefined)
    await killedClient.connect()
    await killedClient.query('select pg_advisory_lock($1, 7)', [presenceClass('public')])
    const both = [presence.name, 'process:7']
    expect((await stores.leases.holders()).toSorted()).toEqual(both.toSorted())
    // What the system does to the connections of a killed process.
    ;(killedClient as unknown as { connection: pg.Connection }).connection.stream.destroy()
    await until('it is gone', async () => (await stores.leases.holders()).length === 1)
    expect(await stores.leases.holders()).toEqual([presence.name])
  })
} else {
  notRun('PgBouncer', 'pgbouncer')
}

describe('freed leases', () => {
  test('are those of pushes of ended processes, immediately, and of nobody else', async () => {
    const [endedProcess, liveProcess] = [await aProcess(), await aProcess()]
    const names = [
      endedProcess.name,
      liveProcess.name,
      `unseen:${endedProcess.name}`,
      '0f8c-of-another-version',
    ]
    for (const name of names) await aLease(name)
    expect(await stores.leases.freeAbandoned()).toBe(0)
    await endedProcess.close()
    expect(await stores.leases.freeAbandoned()).toBe(1)
    expect(await freeLeases()).toEqual([endedProcess.name])
    expect(await stores.leases.freeAbandoned()).toBe(0)
  })

  test('are those of webhooks and callbacks; a callback under way is never retried', async () => {
    const presence = await aProcess()
    await aStoredChallenge(stores, user, [device])
    await run(
      `insert into webhook_endpoints (tenant_id, id, rp_id, url, events, secret_sealed)
       values ($1, 'whe_1', $2, 'https://example.com', array['*'], '')`,
      user.tenantId,
      user.rpId,
    )
    await run(
      `insert into webhook_deliveries (tenant_id, endpoint_id, event_id, type, data, occurred_at,
         stale_at, leased_by, leased_until)
       values ($1, 'whe_1', 'evt_1', 'challenge.approved', '{}', clock_timestamp(), 'infinity', $2,
         clock_timestamp() + interval '30 s')`,
      user.tenantId,
      presence.name,
    )
    await run(
      `insert into integrations (tenant_id, id, rp_id, name, kind, namespace, settings, number_mode,
         user_names, status)
       values ($1, 'int_1', $2, 'Realm', 'keycloak_ciba', 'default', '{}', 'caller', '{}',
         'active')`,
      user.tenantId,
      user.rpId,
    )
    await run(
      `insert into keycloak_callbacks (tenant_id, challenge_id, integration_id, issuer,
        token_sealed,
         due_at, status, tried_at, first_tried_at, tried_by)
       select tenant_id, id, 'int_1', 'https://realm.example', $2, clock_timestamp(), 'trying',
         clock_timestamp(), clock_timestamp(), $1 from challenges limit 1`,
      presence.name,
      randomBytes(20),
    )
    expect(await stores.leases.freeAbandoned()).toBe(0)
    await presence.close()
    expect(await stores.leases.freeAbandoned()).toBe(2)
    const { rows } = await run(
      `select status, reason, token_sealed is null as forgotten from keycloak_callbacks`,
    )
    expect(rows).toEqual([{ status: 'settled', reason: 'lost', forgotten: true }])
    const free = await run('select from webhook_deliveries where leased_until <= clock_timestamp()')
    expect(free.rowCount).toBe(1)
  })
})

test('a push with an unseen lease is still settled by its holder', async () => {
  const presence = await aProcess()
  await aLease(`unseen:${presence.name}`)
  const { rows } = await run('select tenant_id, id from deliveries')
  const outcome = { status: 'sent', providerMessageId: 'apns-1' } as const
  const [push] = rows
  await stores.deliveries.settle(presence.name, [
    { tenantId: push.tenant_id, id: push.id, outcome },
  ])
  expect((await run(`select from deliveries where status = 'sent'`)).rowCount).toBe(1)
})
