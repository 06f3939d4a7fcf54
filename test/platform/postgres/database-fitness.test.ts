import path from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { openDatabase } from '../../../src/platform/postgres/database.ts'
import { type DatabaseFacts, faultOf } from '../../../src/platform/postgres/database-fitness.ts'
import { migrate } from '../../../src/platform/postgres/migrations.ts'
import { buildNotifySignals } from '../../../src/platform/postgres/notify-signals.ts'
import { createEmptyDatabase } from '../../support/database.ts'
import { hasPgBouncer, startPgBouncer } from '../../support/pgbouncer.ts'
import { notRun } from '../../support/programs.ts'
import { until } from '../../support/until.ts'

vi.setConfig({ testTimeout: 60_000 })

const migrations = path.resolve('prisma/migrations')
const fit: DatabaseFacts = {
  version: 15,
  encoding: 'UTF8',
  readOnly: false,
  role: 'app',
  database: 'db',
  schemaExists: true,
  mayMakeSchema: false,
  mayUse: true,
}

test.each([
  [{ version: 14 }, 'it is PostgreSQL 14; 15 or newer is needed'],
  [{ encoding: 'SQL_ASCII' }, "encoded as SQL_ASCII: make one with encoding 'UTF8'"],
  [{ readOnly: true }, 'read-only, as a standby is: name the primary server'],
  [
    { schemaExists: false },
    'the role app may not make it. As owner of the database run: create schema "public" authorization "app"',
  ],
  [{ mayUse: false }, 'run: grant usage, create on schema "public" to "app"'],
])('a database that is not fit says so and what to do: %o', (more, message) => {
  expect(faultOf({ ...fit, ...more }, 'public')).toContain(message)
})

test('a fit database has no fault, nor has one in which the schema may be created', () => {
  expect(faultOf(fit, 'public')).toBeUndefined()
  expect(faultOf({ ...fit, schemaExists: false, mayMakeSchema: true }, 'x')).toBeUndefined()
})

const realPooler = () => {
  test.each([
    ['transaction', {}],
    ['transaction', { default_pool_size: 1 }],
    ['transaction', { server_round_robin: 1, min_pool_size: 3 }],
    ['statement', {}],
  ])('in %s mode (%o) nothing starts, and the fault says what to set', async (mode, settings) => {
    await using database = await createEmptyDatabase()
    await using pooler = await startPgBouncer(database.url, { pool_mode: mode, ...settings })
    await expect(migrate(pooler.url, migrations)).rejects.toThrow('set pool_mode = session')
  })

  test.each([
    ['discards the state of a session', {}],
    ['leaves everything as it was', { server_reset_query: '' }],
  ])(
    'in session mode that %s, all works on connections that others used before',
    async (_, more) => {
      await using database = await createEmptyDatabase()
      const settings = { pool_mode: 'session', default_pool_size: 8, ...more }
      await using pooler = await startPgBouncer(database.url, settings)
      await migrate(pooler.url, migrations)
      const names = ['DateStyle', 'TimeZone', 'jit', 'search_path', 'statement_timeout']
      for (const timeoutMs of [1_800, 3_000]) {
        const pool = openDatabase({ url: pooler.url, timeoutMs })
        await pool.query('hostile', `select set_config('datestyle', 'German', false)`, [])
        await pool.close()
        const next = openDatabase({ url: pooler.url, timeoutMs })
        // The same names as before: no prepared statement may collide.
        await next.query('hostile', 'select 1', [])
        expect(
          await next.query(
            'set',
            'select setting from pg_settings where name = any($1) order by name',
            [names],
          ),
        ).toEqual(
          ['ISO, MDY', 'UTC', 'off', '"public", pg_temp', String(timeoutMs * 0.9)].map(
            (setting) => ({
              setting,
            }),
          ),
        )
        expect(await (await next.prisma(null, async (client) => client)).tenant.count()).toBe(0)
        await next.close()
      }
    },
  )

  test('in session mode signals arrive', async () => {
    await using database = await createEmptyDatabase()
    await using pooler = await startPgBouncer(database.url, { pool_mode: 'session' })
    const pool = openDatabase({ url: pooler.url })
    const carrier = buildNotifySignals(
      { url: pooler.url },
      (payload) => pool.query('notify', `select pg_notify('countersign_signals', $1)`, [payload]),
      (error) => expect.fail(String(error)),
    )
    const receivedSignals: string[] = []
    await carrier.start(
      (key) => receivedSignals.push(key),
      () => undefined,
    )
    await carrier.send(['a'])
    await until('the signal arrives', () => receivedSignals.length > 0)
    await carrier.close()
    await pool.close()
  })
}

if (hasPgBouncer) describe('with a real PgBouncer', realPooler)
else notRun('PgBouncer', 'pgbouncer')
