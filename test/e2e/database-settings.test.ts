// Under any settings of server, database or role, every route gives the same answer.

import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Simulator } from '../../simulator/simulator.ts'
import { startService } from '../../src/service/compose.ts'
import { onServer } from '../support/cluster.ts'
import { createEmptyDatabase, createTestDatabase } from '../support/database.ts'
import { repetitions } from '../support/endurance.ts'
import { type Comparable, callEveryRoute } from '../support/every-route.ts'
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.ts'
import { freePort } from '../support/ports.ts'
import { notRun } from '../support/programs.ts'
import {
  createApi,
  enrollPhone,
  startTestSimulator,
  testConfig,
} from '../support/running-service.ts'
import { until } from '../support/until.ts'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let simulator: Simulator
let ordinary: Comparable[]
beforeAll(async () => {
  simulator = await startTestSimulator()
  await using stack = new AsyncDisposableStack()
  ordinary = await callEveryRoute(await serve(stack, await preparePlace(stack)))
})
afterAll(() => simulator.close())

type Place = { readonly url: string; readonly schema?: string; readonly own?: string }

/** A database, empty by default, on which these statements were run; DB stands for its name. */
async function preparePlace(
  stack: AsyncDisposableStack,
  statements: readonly string[] = [],
  create = createEmptyDatabase,
): Promise<Place> {
  const { url } = stack.use(await create())
  const name = new URL(url).pathname.slice(1)
  await onServer(url, async (client) => {
    for (const text of statements) await client.query(text.replaceAll('DB', `"${name}"`))
  })
  return { url }
}

/** A service of its own there. */
async function serve(stack: AsyncDisposableStack, { url, schema = 'public', own = url }: Place) {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const database = { url: own, schema, connections: 10 }
  // Without the worker's sweeps only calls change the data.
  const config = testConfig(simulator, own, port, { database, role: 'api' })
  const service = await startService(config, origin, pino({ level: 'silent' }))
  stack.defer(() => service.stop())
  const { secret: key, tenantId } = service.firstKey ?? { secret: '', tenantId: '' }
  const schemaUrl = new URL(url)
  schemaUrl.searchParams.set('options', `-c search_path=${schema}`)
  const testDatabase = { url: schemaUrl.href, drop: async () => undefined }
  const disposable = { ...testDatabase, [Symbol.asyncDispose]: testDatabase.drop }
  /** The API of a second process, with queues of its own, under the same origin. */
  const startSecond = async () => {
    const secondPort = await freePort()
    const second = { ...config, port: secondPort, publicOrigin: origin }
    const secondService = await startService(second, origin, pino({ level: 'silent' }))
    stack.defer(() => secondService.stop())
    return createApi(`http://127.0.0.1:${secondPort}`, key)
  }
  const api = createApi(origin, key)
  return { origin, key, tenantId, simulator, api, startSecond, database: disposable }
}

/** A role with a schema of its own name, which PostgreSQL searches first. */
async function withOwnSchema(stack: AsyncDisposableStack): Promise<Place & { role: string }> {
  const role = `approver_${Date.now().toString(36)}_${Math.random().toString(36).slice(2, 8)}`
  const place = await preparePlace(stack, [
    `create role ${role} login password 'x'`,
    `create schema ${role} authorization ${role}`,
    `grant usage, create on schema public to ${role}`,
  ])
  stack.defer(() =>
    onServer(place.url, async (client) => {
      await client.query(`drop owned by ${role} cascade; drop role ${role}`)
    }),
  )
  const own = new URL(place.url)
  own.username = role
  own.password = 'x'
  return { ...place, own: own.href, role }
}

const settings = {
  'datestyle German': [`alter database DB set datestyle = 'German'`],
  'timezone Asia/Kolkata': [`alter database DB set timezone = 'Asia/Kolkata'`],
  'default_transaction_isolation repeatable read': [
    `alter database DB set default_transaction_isolation = 'repeatable read'`,
  ],
  'all unusual settings together': [
    `alter database DB set datestyle = 'SQL, DMY'`,
    `alter database DB set intervalstyle = 'iso_8601'`,
    `alter database DB set timezone = 'America/St_Johns'`,
    `alter database DB set default_transaction_isolation = 'serializable'`,
    'alter database DB set default_transaction_read_only = on',
    'alter database DB set search_path = pg_catalog',
    `alter database DB set bytea_output = 'escape'`,
    'alter database DB set standard_conforming_strings = off',
    'alter database DB set transform_null_equals = on',
    `alter database DB set client_encoding = 'LATIN1'`,
    `alter database DB set lock_timeout = '1ms'`,
    'alter database DB set jit_above_cost = 0',
  ],
} as const

const places: Record<string, (stack: AsyncDisposableStack) => Promise<Place>> = {
  ...Object.fromEntries(
    Object.entries(settings).map(([name, statements]) => [
      name,
      (stack: AsyncDisposableStack) => preparePlace(stack, statements),
    ]),
  ),
  'a role with a schema of its own name': withOwnSchema,
  'a schema of its own': async (stack) => {
    const place = await withOwnSchema(stack)
    return { ...place, schema: place.role }
  },
}
if (hasPgBouncer) {
  places['PgBouncer in session mode'] = async (stack) => {
    const place = await preparePlace(stack, settings['datestyle German'])
    const pooling = { pool_mode: 'session', default_pool_size: 40 }
    const pooler = stack.use(await startPgBouncer(place.url, pooling))
    return { ...place, own: pooler.url }
  }
} else {
  notRun('PgBouncer', 'pgbouncer')
}

test.each(Object.keys(places))('every route gives the same answer under %s', async (name) => {
  await using stack = new AsyncDisposableStack()
  const place = await places[name]?.(stack)
  if (!place) throw new Error(name)
  const answers = await callEveryRoute(await serve(stack, place))
  expect(answers.map(({ name: route, text }) => `${route} ${text}`)).toEqual(
    ordinary.map(({ name: route, text }) => `${route} ${text}`),
  )
  const apart = answers.filter(({ times }, n) =>
    times.some((seconds, at) => Math.abs(seconds - (ordinary[n]?.times[at] ?? 0)) > 60),
  )
  expect(apart).toEqual([])
})

describe('an API key that was revoked or has expired', () => {
  test.each(['datestyle German', 'all unusual settings together'] as const)(
    'gets 401 under %s',
    async (name) => {
      await using stack = new AsyncDisposableStack()
      const place = await preparePlace(stack, settings[name], createTestDatabase)
      const service = await serve(stack, place)
      const [party] = (await service.api('GET', '/v1/relying-parties')).json.items
      for (const change of [
        'revoked_at = clock_timestamp()',
        `expires_at = now() - '1 s'::interval`,
      ]) {
        const body = { relyingPartyId: party.id, name: change }
        const { json } = await service.api('POST', '/v1/api-keys', body)
        const api = createApi(service.origin, json.secret)
        const { rowCount } = await onServer(
          place.url,
          (client) =>
            client.query(
              `begin read write; set search_path = public; update api_keys set ${change} where id = '${json.id}'; commit`,
            ) as Promise<unknown> as Promise<{ rowCount?: number }>,
        )
        expect(rowCount).toBeUndefined()
        for (const [method, path, more] of [
          ['GET', '/v1/tenant', undefined],
          ['POST', '/v1/users', { displayName: 'x', identifiers: ['x'] }],
        ] as const) {
          expect(await api(method, path, more)).toMatchObject({ status: 401 })
        }
      }
    },
  )
})

/** Queues calls on the lock of the user's row, one after another, before any of them gets it. */
async function behindLock<T>(
  url: string,
  userId: string,
  begin: (oneWaits: () => Promise<unknown>) => Promise<T>,
): Promise<T> {
  return onServer(url, (watcher) =>
    onServer(url, async (client) => {
      await client.query('begin transaction isolation level read committed read write')
      await client.query('select 1 from public.users where id = $1 for update', [userId])
      // On a connection of its own: a transaction sees the activity of others as of its first read.
      const waiting = () =>
        watcher.query(
          `select 1 from pg_catalog.pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'`,
        )
      const reply = begin(() => until('one waits', async () => (await waiting()).rowCount === 1))
      await until('all wait', async () => (await waiting()).rowCount === 2)
      await client.query('commit')
      return reply
    }),
  )
}

test.each([
  ['repeatable read', 'default_transaction_isolation repeatable read'],
  ['serializable', 'all unusual settings together'],
] as const)(
  'a suspension against a creation leaves nothing pending, where the default is %s',
  async (_, name) => {
    await using stack = new AsyncDisposableStack()
    const place = await preparePlace(stack, settings[name], createTestDatabase)
    const service = await serve(stack, place)
    // In one process the two calls would wait for each other in memory.
    const secondApi = await service.startSecond()
    const statuses = new Set<number>()
    // The order of both is forced, so that one round has the case.
    const rounds = repetitions({ usual: 5, nightly: 30 })
    for (let round = 0; round < rounds; round++) {
      const user = `alice-${round}`
      const { userId: id } = await enrollPhone(service, { user })
      const replies = await behindLock(place.url, id, async (oneWaits) => {
        const creationCall = service.api('POST', '/v1/challenges', { user })
        await oneWaits()
        const suspension = secondApi('PATCH', `/v1/users/${id}`, { status: 'suspended' })
        return Promise.all([creationCall, suspension])
      })
      for (const { status } of replies) statuses.add(status)
      const { json } = await service.api('GET', `/v1/challenges?userId=${id}&status=pending`)
      expect(json.items).toEqual([])
    }
    expect([...statuses].toSorted()).toEqual([200, 201])
  },
)
