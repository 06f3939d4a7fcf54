import path from 'node:path'
import pg from 'pg'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { columnTypes, rejectShiftedTimes } from '../../../src/platform/postgres/column-types.ts'
import { type Database, openDatabase } from '../../../src/platform/postgres/database.ts'
import {
  DatabaseFault,
  isDatabaseUnavailable,
} from '../../../src/platform/postgres/database-errors.ts'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/platform/postgres/embedded/embedded-postgres.ts'
import { migrate } from '../../../src/platform/postgres/migrations.ts'
import { buildNotifySignals, channelOf } from '../../../src/platform/postgres/notify-signals.ts'
import { databaseUrl } from '../../support/cluster.ts'
import { ask, reachableFolder } from '../../support/embedded-postgres.ts'
import { until } from '../../support/until.ts'

const folder = path.join(await reachableFolder(), 'database')
const migrations = path.resolve('prisma/migrations')
let server: EmbeddedPostgres
const open: Database[] = []

beforeAll(async () => {
  server = await startEmbeddedPostgres({ folder, durable: false })
  await ask(server.url, `create role plain login password 'plain'`)
  return () => server.stop()
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((database) => database.close()))
})

let databaseCount = 0
/** A database of its own with hostile settings; dropped with the server. */
async function hostile(settings: Readonly<Record<string, string>>): Promise<string> {
  const name = `hostile_${++databaseCount}`
  await ask(server.url, `create database ${name}`)
  for (const [setting, value] of Object.entries(settings)) {
    await ask(server.url, `alter database ${name} set ${setting} = ${value}`)
  }
  return databaseUrl(server.url, name)
}

function connect(url: string, schema?: string): Database {
  const database = openDatabase({ url, maxConnections: 1, ...(schema && { schema }) })
  open.push(database)
  return database
}

/** The effective settings of a connection of the service. */
async function settingsOf(database: Database, names: readonly string[]) {
  const rows = await database.query<{ name: string; setting: string }>(
    'settings',
    'select name, setting from pg_settings where name = any($1) order by name',
    [names],
  )
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
}

const hostileSettings = {
  DateStyle: `'German'`,
  IntervalStyle: `'sql_standard'`,
  TimeZone: `'Asia/Kolkata'`,
  bytea_output: `'escape'`,
  extra_float_digits: '-10',
  standard_conforming_strings: 'off',
  client_encoding: `'LATIN1'`,
  transform_null_equals: 'on',
  array_nulls: 'off',
  default_transaction_isolation: `'serializable'`,
  default_transaction_read_only: 'on',
  default_transaction_deferrable: 'on',
  synchronous_commit: 'off',
  row_security: 'on',
  exit_on_error: 'on',
  plan_cache_mode: `'force_custom_plan'`,
  jit: 'on',
  lock_timeout: `'1ms'`,
  statement_timeout: `'1h'`,
  idle_session_timeout: `'1s'`,
  idle_in_transaction_session_timeout: `'1ms'`,
  enable_indexscan: 'off',
  enable_indexonlyscan: 'off',
  enable_nestloop: 'off',
  enable_bitmapscan: 'off',
  enable_seqscan: 'on',
  enable_hashjoin: 'on',
  enable_mergejoin: 'on',
  from_collapse_limit: '1',
  search_path: 'elsewhere',
} as const

const expectedSettings = {
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  client_encoding: 'UTF8',
  transform_null_equals: 'off',
  array_nulls: 'on',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  synchronous_commit: 'on',
  row_security: 'off',
  exit_on_error: 'off',
  plan_cache_mode: 'force_generic_plan',
  jit: 'off',
  lock_timeout: '0',
  statement_timeout: '1620',
  idle_session_timeout: '0',
  idle_in_transaction_session_timeout: '9000',
  enable_indexscan: 'on',
  enable_indexonlyscan: 'on',
  enable_nestloop: 'on',
  enable_bitmapscan: 'on',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  from_collapse_limit: '8',
  search_path: '"public", pg_temp',
}

describe('a connection of the pool', () => {
  test('has all settings for correctness and plans, whatever the database sets', async () => {
    const database = connect(await hostile(hostileSettings))
    expect(await settingsOf(database, Object.keys(expectedSettings))).toEqual(expectedSettings)
  })

  test('has its settings, whatever a role, the address and the environment set', async () => {
    const url = new URL(await hostile({}))
    await ask(server.url, `alter role plain set datestyle = 'German'`)
    await ask(url.href, `alter role plain in database "${url.pathname.slice(1)}" set jit = on`)
    url.username = 'plain'
    url.password = 'plain'
    url.searchParams.set('options', '-c timezone=Asia/Kolkata -c search_path=elsewhere')
    url.searchParams.set('statement_timeout', '1000')
    url.searchParams.set('client_encoding', 'LATIN1')
    const environment = { PGOPTIONS: '-c enable_indexscan=off', PGTZ: 'Asia/Kolkata' }
    Object.assign(process.env, environment, { PGDATESTYLE: 'German' })
    try {
      const database = connect(url.href)
      expect(await settingsOf(database, Object.keys(expectedSettings))).toEqual(expectedSettings)
    } finally {
      for (const name of [...Object.keys(environment), 'PGDATESTYLE']) delete process.env[name]
      await ask(server.url, 'alter role plain reset all')
    }
  })

  test('retains its settings when the configuration of the server changes', async () => {
    const url = new URL(await hostile({}))
    url.username = 'plain'
    url.password = 'plain'
    const database = connect(url.href)
    expect(await settingsOf(database, Object.keys(expectedSettings))).toEqual(expectedSettings)
    const newSettings = { datestyle: `'German'`, timezone: `'Asia/Kolkata'`, jit: 'on' }
    for (const [name, value] of Object.entries(newSettings)) {
      await ask(server.url, `alter system set ${name} = ${value}`)
    }
    await ask(server.url, 'select pg_reload_conf()')
    try {
      await until('the server has read it', async () => {
        const [row] = await ask<{ DateStyle: string }>(server.url, 'show datestyle')
        return row?.DateStyle.startsWith('German')
      })
      expect(await settingsOf(database, Object.keys(expectedSettings))).toEqual(expectedSettings)
    } finally {
      await ask(server.url, 'alter system reset all')
      await ask(server.url, 'select pg_reload_conf()')
    }
  })

  test('lets the administrator set more durability than required', async () => {
    const database = connect(await hostile({ synchronous_commit: 'remote_apply' }))
    const names = ['synchronous_commit']
    expect(await settingsOf(database, names)).toEqual({ synchronous_commit: 'remote_apply' })
  })

  test('is refused without triggers and foreign keys if the role cannot enable them', async () => {
    const url = new URL(await hostile({ session_replication_role: 'replica' }))
    expect(await settingsOf(connect(url.href), ['session_replication_role'])).toEqual({
      session_replication_role: 'origin',
    })
    url.username = 'plain'
    url.password = 'plain'
    const failure = await connect(url.href)
      .query('one', 'select 1', [])
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(DatabaseFault)
    expect(String(failure)).toContain('session_replication_role is "replica", must be "origin"')
    expect(isDatabaseUnavailable(failure)).toBe(true)
  })

  test('sees what was committed while it waited, also in a transaction of Prisma', async () => {
    const prisma = await connect(
      await hostile({ default_transaction_isolation: `'serializable'` }),
    ).prisma(null, async (client) => client)
    const level = await prisma.$transaction(
      (tx) => tx.$queryRaw`select current_setting('transaction_isolation') as level`,
    )
    expect(level).toEqual([{ level: 'read committed' }])
  })
})

test('hand-written SQL and Prisma read and write the same time under any setting', async () => {
  const url = await hostile(hostileSettings)
  await migrate(url, migrations)
  const database = connect(url)
  const createdAt = new Date('2026-03-04T05:06:07.089Z')
  const prisma = await database.prisma(null, async (client) => client)
  await prisma.tenant.create({ data: { id: 'tnt_prisma', name: 'P', createdAt } })
  await database.query(
    'mine',
    'insert into tenants (tenant_id, name, created_at) values ($1, $1, $2)',
    ['tnt_mine', createdAt],
  )
  const own = await database.query('both', 'select created_at from tenants', [])
  expect(own).toEqual([{ created_at: createdAt }, { created_at: createdAt }])
  const theirs = await prisma.tenant.findMany({ select: { createdAt: true } })
  expect(theirs).toEqual([{ createdAt }, { createdAt }])
})

describe('a time that cannot be read', () => {
  test.each([
    ['German', `'German'`],
    ['SQL', `'SQL'`],
  ])('a time that cannot be read is an error and never null, style %s', async (_, style) => {
    const database = connect(server.url)
    await database.query('style', `set datestyle = ${style}`, [])
    for (const type of ['timestamptz', 'timestamp', 'date', 'timestamptz[]', 'timestamp[]']) {
      const text = type.endsWith('[]') ? '{2026-01-31 12:00}' : '2026-01-31 12:00'
      const reading = database.query(`read_${type}`, `select '${text}'::${type} as at`, [])
      await expect(reading).rejects.toThrow('cannot be read')
    }
    const prisma = await database.prisma(null, async (client) => client)
    await expect(prisma.$queryRaw`select now() as at`).rejects.toThrow()
  })

  test.each(['infinity', '-infinity', '0044-03-15 00:00 BC', '294276-01-01'])(
    'a time that cannot be read is an error, also %s',
    async (text) => {
      const reading = connect(server.url).query('odd', 'select $1::timestamptz as at', [text])
      await expect(reading).rejects.toThrow('cannot be read')
    },
  )

  test('is an error for Prisma where another zone would shift it', async () => {
    const database = connect(server.url)
    await database.query('zone', `set timezone = 'Asia/Kolkata'`, [])
    const prisma = await database.prisma(null, async (client) => client)
    await expect(prisma.$queryRaw`select now() as at`).rejects.toThrow('cannot be read')
    const [row] = await database.query<{ at: Date }>(
      'far',
      `select '2026-01-31Z'::timestamptz at`,
      [],
    )
    expect(row?.at).toEqual(new Date('2026-01-31T00:00:00Z'))
  })
})

test.each([
  ['2026-01-31 12:00:00+00', '2026-01-31T12:00:00.000Z'],
  ['2026-01-31 12:00:00.5+05:30', '2026-01-31T06:30:00.500Z'],
  ['2026-01-31 12:00:00.123999-08', '2026-01-31T20:00:00.123Z'],
  ['12026-01-31 12:00:00+00', '+012026-01-31T12:00:00.000Z'],
])('%s is read as %s', (text, iso) => {
  const { TIMESTAMPTZ } = pg.types.builtins
  expect(columnTypes.getTypeParser(TIMESTAMPTZ)(text)).toEqual(new Date(iso))
})

test('times that Prisma would shift are refused, whole lists of them, too', () => {
  const guard = rejectShiftedTimes({ getTypeParser: () => (text: string) => text } as never)
  const read = (oid: number, text: string) => guard.getTypeParser(oid as never)(text)
  expect(read(1184, '2026-01-31 12:00:00.5+00')).toBe('2026-01-31 12:00:00.5+00')
  expect(read(1185, '{NULL,"2026-01-31 12:00:00+00"}')).toBe('{NULL,"2026-01-31 12:00:00+00"}')
  expect(read(25, 'anything')).toBe('anything')
  for (const [oid, text] of [
    [1184, '2026-01-31 12:00:00+05:30'],
    [1184, 'infinity'],
    [1185, '{"2026-01-31 12:00:00+00","2026-01-31 12:00:00+01"}'],
    [1114, '31.01.2026 12:00:00'],
  ] as const) {
    expect(() => read(oid, text)).toThrow('cannot be read')
  }
})

describe('installations in two schemas of one database', () => {
  test('have their own tables and signals, and do not block each other', async () => {
    const url = await hostile({})
    await ask(url, `select pg_advisory_lock(72707369)`)
    for (const schema of ['public', 'one', 'two']) await migrate(url, migrations, { schema })
    const [one, two] = [connect(url, 'one'), connect(url, 'two')]
    await one.query('mine', `insert into tenants (tenant_id, name) values ('tnt_one', 'One')`, [])
    expect(await (await one.prisma(null, async (client) => client)).tenant.count()).toBe(1)
    expect(await (await two.prisma(null, async (client) => client)).tenant.count()).toBe(0)
    const migrationsTables = `select table_schema from information_schema.tables
      where table_name = '_prisma_migrations' order by 1`
    expect((await ask(url, migrationsTables)).map(({ table_schema: schema }) => schema)).toEqual([
      'one',
      'public',
      'two',
    ])
    const receivedSignals: string[] = []
    const send = (payload: string) =>
      one.query('notify', 'select pg_notify($1, $2)', [channelOf('one'), payload])
    const carriers = ['one', 'two'].map((schema) =>
      buildNotifySignals({ url, schema }, send, (error) => expect.fail(String(error))),
    )
    for (const [n, carrier] of carriers.entries()) {
      await carrier.start(
        (key) => receivedSignals.push(`${n} ${key}`),
        () => undefined,
      )
    }
    await carriers[0]?.send(['a'])
    await until('the signal arrives', () => receivedSignals.length > 0)
    expect(receivedSignals).toEqual(['0 a'])
    for (const carrier of carriers) await carrier.close()
  })

  test('delay a migration only where it is for the same schema', async () => {
    const url = await hostile({})
    const holder = new pg.Client(url)
    await holder.connect()
    // The lock of another process that migrates the default schema.
    await holder.query('select pg_advisory_lock(72707369)')
    expect((await migrate(url, migrations, { schema: 'one' })).applied.length).toBeGreaterThan(0)
    await holder.end()
  })

  test('enqueue webhooks by triggers of their own', async () => {
    const url = await hostile({})
    for (const schema of ['one', 'two']) await migrate(url, migrations, { schema })
    const one = connect(url, 'one')
    await one.query('t', `insert into tenants (tenant_id, name) values ('tnt_1', '1')`, [])
    const functions = await ask<{ schema: string }>(
      url,
      `select distinct n.nspname as schema from pg_trigger t join pg_proc p on p.oid = t.tgfoid
       join pg_namespace n on n.oid = p.pronamespace join pg_class c on c.oid = t.tgrelid
       where not t.tgisinternal and c.relnamespace = n.oid order by 1`,
    )
    expect(functions).toEqual([{ schema: 'one' }, { schema: 'two' }])
  })
})
