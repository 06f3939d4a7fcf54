import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { withEngine } from '../../../scripts/schema-engine.ts'
import { migrate, planMigrations } from '../../../src/platform/postgres/migrations.ts'
import { onServer } from '../../support/cluster.ts'
import { createEmptyDatabase, createTestDatabase } from '../../support/database.ts'

const base = await mkdtemp(path.join(tmpdir(), 'cs-migrations-'))
afterAll(() => rm(base, { recursive: true }))
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(base, 'case-'))
})

async function write(name: string, sql: string): Promise<void> {
  await mkdir(path.join(folder, name), { recursive: true })
  await writeFile(path.join(folder, name, 'migration.sql'), sql)
}

async function runSql(url: string, sql: string): Promise<unknown[]> {
  return onServer(url, async (client) => (await client.query(sql)).rows)
}

const migrationsTable = `select migration_name as name, checksum, logs, applied_steps_count as
  steps,
  finished_at >= started_at as finished, rolled_back_at as "rolledBack" from _prisma_migrations
    order by migration_name`

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

describe('pending migrations', () => {
  const one = { name: '01_one', sql: 'select 1;\nselect 2;\n' }
  const two = { name: '02_two', sql: 'select 3' }
  const record = { ...one, checksum: sha256(one.sql), finished: true, rolledBack: false }

  test('are all that the database lacks, in order of name', () => {
    expect(planMigrations([two, one], [])).toEqual({ kind: 'apply', pending: [one, two] })
    expect(planMigrations([two, one], [record])).toEqual({ kind: 'apply', pending: [two] })
  })

  test('include one that was rolled back', () => {
    const plan = planMigrations([one], [{ ...record, finished: false, rolledBack: true }])
    expect(plan).toEqual({ kind: 'apply', pending: [one] })
  })

  test('do not include a file whose line ends another system changed', () => {
    const windows = { ...one, sql: one.sql.replaceAll('\n', '\r\n') }
    expect(planMigrations([windows], [record])).toEqual({ kind: 'apply', pending: [] })
    const back = planMigrations([one], [{ ...record, checksum: sha256(windows.sql) }])
    expect(back).toEqual({ kind: 'apply', pending: [] })
  })

  test.each([
    ['edited', [{ ...one, sql: 'select 1;\nselect 3;\n' }], record, 'Restore the file'],
    ['unknown', [], record, 'Run that release'],
    ['failed', [one], { ...record, finished: false }, 'prisma migrate resolve --applied 01_one'],
  ])('refuse one that is %s, with what to do', (_, migrations, row, advice) => {
    const plan = planMigrations([...migrations, two], [row])
    expect(plan).toEqual({ kind: 'refuse', reason: expect.stringContaining('01_one') })
    expect(plan).toEqual({ kind: 'refuse', reason: expect.stringContaining(advice) })
  })
})

test('each migration is applied once and recorded as Prisma records it', async () => {
  await using database = await createEmptyDatabase()
  const sql = `create table a (t text default ';'); create function f() returns int language plpgsql
    as $$ begin return 1; end $$;`
  await write('01_one', sql)
  await writeFile(path.join(folder, 'migration_lock.toml'), 'provider = "postgresql"\n')
  expect(await migrate(database.url, folder)).toEqual({ applied: ['01_one'] })
  await write('02_two', 'insert into a default values')
  expect(await migrate(database.url, folder)).toEqual({ applied: ['02_two'] })
  expect(await migrate(database.url, folder)).toEqual({ applied: [] })
  expect(await runSql(database.url, 'select t, f() from a')).toEqual([{ t: ';', f: 1 }])
  const row = { logs: null, steps: 1, finished: true, rolledBack: null }
  expect(await runSql(database.url, migrationsTable)).toEqual([
    { name: '01_one', checksum: sha256(sql), ...row },
    { name: '02_two', checksum: sha256('insert into a default values'), ...row },
  ])
})

describe('Prisma’s own engine', () => {
  const schema = 'datasource db {\n  provider = "postgresql"\n}\n'
  const filters = { externalTables: [], externalEnums: [] }
  const columns = `select column_name, data_type, character_maximum_length, is_nullable,
    column_default, ordinal_position
    from information_schema.columns where table_name = '_prisma_migrations'
      order by ordinal_position`
  const sql = 'create table a (n int)'
  const migrationsList = {
    baseDir: '/',
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: [
      {
        path: '01_one',
        migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: sql } },
      },
    ],
  }

  test('finds our migrations table in order and has nothing to add', async () => {
    await using database = await createEmptyDatabase()
    await write('01_one', sql)
    await migrate(database.url, folder)
    await withEngine(schema, database.url, async (engine) => {
      const opinion = { migrationsList, filters, optInToShadowDatabase: false }
      expect(await engine.diagnoseMigrationHistory(opinion)).toEqual({
        editedMigrationNames: [],
        failedMigrationNames: [],
        hasMigrationsTable: true,
        history: null,
      })
      const result = await engine.applyMigrations({ migrationsList, filters })
      expect(result.appliedMigrationNames).toEqual([])
    })
  })

  test('leaves a migrations table that we continue, in a table like ours', async () => {
    await using database = await createEmptyDatabase()
    await using ours = await createEmptyDatabase()
    await write('01_one', sql)
    await withEngine(schema, database.url, (engine) =>
      engine.applyMigrations({ migrationsList, filters }),
    )
    expect(await migrate(database.url, folder)).toEqual({ applied: [] })
    await migrate(ours.url, folder)
    expect(await runSql(ours.url, columns)).toEqual(await runSql(database.url, columns))
    expect(await runSql(ours.url, migrationsTable)).toEqual(
      await runSql(database.url, migrationsTable),
    )
  })
})

test('eight concurrent starts apply each migration once', async () => {
  await using database = await createEmptyDatabase()
  await write('01_one', 'create table once (n int); insert into once values (1)')
  await write('02_two', 'insert into once values (2)')
  const runs = await Promise.all(Array.from({ length: 8 }, () => migrate(database.url, folder)))
  expect(runs.flatMap(({ applied }) => applied).sort()).toEqual(['01_one', '02_two'])
  expect(await runSql(database.url, 'select n from once order by n')).toEqual([{ n: 1 }, { n: 2 }])
})

test('a failed migration changes nothing, says where, and is applied after repair', async () => {
  await using database = await createEmptyDatabase()
  await write('01_one', 'create table a (n int)')
  await write('02_two', 'create table b (n int);\ninsert into missing values (1)')
  await expect(migrate(database.url, folder)).rejects.toThrow(
    'Migration 02_two was not applied and changed nothing. relation "missing" does not exist (line 2)',
  )
  expect(await runSql(database.url, `select to_regclass('b') as b`)).toEqual([{ b: null }])
  await write('02_two', 'create table b (n int)')
  expect(await migrate(database.url, folder)).toEqual({ applied: ['02_two'] })
})

test('an edited migration stops the start before anything is applied', async () => {
  await using database = await createEmptyDatabase()
  await write('01_one', 'create table a (n int)')
  await migrate(database.url, folder)
  await write('01_one', 'create table a (n bigint)')
  await write('02_two', 'create table b (n int)')
  await expect(migrate(database.url, folder)).rejects.toThrow('01_one was edited')
  expect(await runSql(database.url, `select to_regclass('b') as b`)).toEqual([{ b: null }])
})

test('a table in use delays a migration for a while, not without end', async () => {
  await using database = await createEmptyDatabase()
  await write('01_one', 'create table a (n int)')
  await migrate(database.url, folder)
  await onServer(database.url, async (client) => {
    await client.query('begin; lock table a in access share mode')
    await write('02_two', 'alter table a add column m int')
    await expect(migrate(database.url, folder, { waitForTablesMs: 50 })).rejects.toThrow(
      'was in use for 0.05 s',
    )
    await client.query('commit')
  })
  expect(await migrate(database.url, folder)).toEqual({ applied: ['02_two'] })
})

test('the limits for ordinary sessions do not end a long migration', async () => {
  await using database = await createEmptyDatabase()
  await onServer(database.url, async (client) => {
    const name = new URL(database.url).pathname.slice(1)
    for (const limit of ['statement_timeout', 'lock_timeout']) {
      await client.query(`alter database "${name}" set ${limit} = 20`)
    }
  })
  await write('01_one', 'select pg_sleep(0.1)')
  const runs = await Promise.all([migrate(database.url, folder), migrate(database.url, folder)])
  expect(runs.flatMap(({ applied }) => applied)).toEqual(['01_one'])
})

test('the migrations of this repository are all applied in a test database', async () => {
  await using database = await createTestDatabase()
  expect(await migrate(database.url, path.resolve('prisma/migrations'))).toEqual({ applied: [] })
})
