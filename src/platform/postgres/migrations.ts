import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type pg from 'pg'
import { ConnectFailure, DatabaseFault } from './database-errors.ts'
import { assertFit, assertMayCreateTables } from './database-fitness.ts'
import { SessionClient, type SessionConfig } from './session-settings.ts'

/** A migration in the folder: `<name>/migration.sql`. */
export type Migration = { readonly name: string; readonly sql: string }

/** A row of Prisma's migrations table `_prisma_migrations`. */
export type MigrationRecord = {
  readonly name: string
  readonly checksum: string
  readonly finished: boolean
  readonly rolledBack: boolean
}

export type MigrationPlan =
  | { readonly kind: 'apply'; readonly pending: readonly Migration[] }
  | { readonly kind: 'refuse'; readonly reason: string }

// Prisma's own key: its CLI and this runner exclude each other. Installations in other schemas have
// locks of their own.
const prismaLock = 72_707_369
const lockOf = (schema: string) =>
  schema === 'public' ? `${prismaLock}` : `${prismaLock}, hashtext('countersign ${schema}')`
const waitForOthersMs = 120_000
const connectMs = 5_000

// What Prisma's schema engine creates, to the letter.
const createMigrationsTable = `CREATE TABLE _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)`

/**
 * Applies the pending migrations of the folder and maintains Prisma's migrations table, so that
 * `prisma migrate deploy` may be used instead at any time. Each file is one transaction: it is
 * applied and recorded, or neither. Any number of processes may do this concurrently; each file is
 * applied once.
 * Throws `DatabaseFault`, with what to do, when the database cannot be used, the folder contradicts
 * it, a migration fails, or a table that it changes stays in use for `waitForTablesMs`.
 */
export async function migrate(
  url: string,
  folder: string,
  { schema = 'public', waitForTablesMs = 5_000 }: MigrateOptions = {},
): Promise<{ applied: string[] }> {
  const migrations = await readMigrations(folder)
  const session: SessionConfig = {
    connectionString: url,
    application_name: 'countersign-migrations',
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    schema,
    settings: { lock_timeout: String(waitForOthersMs) },
  }
  const client = new SessionClient(session)
  await client.connect().catch((error: unknown) => {
    throw error instanceof DatabaseFault ? error : new ConnectFailure(client, error)
  })
  try {
    await assertFit(client, session)
    await lock(client, schema)
    const plan = planMigrations(migrations, await readMigrationsTable(client))
    if (plan.kind === 'refuse') throw new DatabaseFault(plan.reason)
    if (plan.pending.length > 0) await assertMayCreateTables(client, schema)
    if (!(await hasMigrationsTable(client))) await client.query(createMigrationsTable)
    for (const migration of plan.pending) await apply(client, migration, waitForTablesMs)
    return { applied: plan.pending.map(({ name }) => name) }
  } finally {
    await client.end()
  }
}

export type MigrateOptions = {
  /** Where the tables are. Default `public`, as Prisma's. */
  readonly schema?: string
  readonly waitForTablesMs?: number
}

/**
 * Decides what is to be applied, in order of name; refuses anything that a person must examine
 * first.
 */
export function planMigrations(
  migrations: readonly Migration[],
  records: readonly MigrationRecord[],
): MigrationPlan {
  const migrationsByName = new Map(migrations.map((migration) => [migration.name, migration]))
  const currentRecords = records.filter(({ rolledBack }) => !rolledBack)
  for (const record of currentRecords) {
    const migration = migrationsByName.get(record.name)
    if (!record.finished) {
      return refuse(
        `Migration ${record.name} failed half-way. Examine the database, repair it by hand, then ` +
          `run prisma migrate resolve --applied ${record.name} ` +
          '(or --rolled-back to have it applied again).',
      )
    }
    if (!migration) {
      return refuse(
        `The database has migration ${record.name}, which this release does not know: ` +
          'it belongs to a newer release. Run that release.',
      )
    }
    if (!checksums(migration.sql).includes(record.checksum)) {
      return refuse(
        `Migration ${record.name} was edited after it was applied to this database. ` +
          'Restore the file and put the change into a new migration.',
      )
    }
  }
  const appliedNames = new Set(currentRecords.map(({ name }) => name))
  const pending = migrations
    .filter(({ name }) => !appliedNames.has(name))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
  return { kind: 'apply', pending }
}

function refuse(reason: string): MigrationPlan {
  return { kind: 'refuse', reason }
}

/**
 * The SHA-256 that Prisma records, and those of the same file with the line ends of another system
 * (git autocrlf).
 */
function checksums(sql: string): string[] {
  const unix = sql.replaceAll('\r\n', '\n')
  return [sql, unix, unix.replaceAll('\n', '\r\n')].map(checksum)
}

function checksum(sql: string): string {
  return createHash('sha256').update(sql).digest('hex')
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  return Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name, 'migration.sql')
      return { name, sql: await readFile(file, 'utf8') }
    }),
  )
}

async function hasMigrationsTable(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ name: string | null }>(
    `select to_regclass('_prisma_migrations') as name`,
  )
  return rows[0]?.name != null
}

async function readMigrationsTable(client: pg.Client): Promise<MigrationRecord[]> {
  if (!(await hasMigrationsTable(client))) return []
  const { rows } = await client.query<MigrationRecord>(
    `select migration_name as name, checksum, finished_at is not null as finished,
       rolled_back_at is not null as "rolledBack"
     from _prisma_migrations order by started_at`,
  )
  return rows
}

/**
 * The lock is held by this connection, on which the migrations run as well: a process that loses it
 * loses the migration too.
 */
async function lock(client: pg.Client, schema: string): Promise<void> {
  try {
    await client.query(`select pg_advisory_lock(${lockOf(schema)})`)
  } catch (cause) {
    if ((cause as pg.DatabaseError).code !== '55P03') throw cause
    throw new DatabaseFault(
      `another process has been migrating this database for ${waitForOthersMs / 1_000} s. ` +
        'Wait until it is done, then start again',
      { cause },
    )
  }
}

/** The file goes to the server whole: only the server can tell where a statement ends. */
async function apply(
  client: pg.Client,
  { name, sql }: Migration,
  waitForTablesMs: number,
): Promise<void> {
  try {
    // A table in use keeps this waiting, and all others behind it: better to fail soon and change
    // nothing.
    await client.query(`begin; set local lock_timeout = ${waitForTablesMs}`)
    await client.query(
      `insert into _prisma_migrations (id, checksum, migration_name) values ($1, $2, $3)`,
      [randomUUID(), checksum(sql), name],
    )
    await client.query(sql)
    await client.query(
      `update _prisma_migrations set finished_at = clock_timestamp(), applied_steps_count = 1
       where migration_name = $1 and finished_at is null and rolled_back_at is null`,
      [name],
    )
    await client.query('commit')
  } catch (cause) {
    await client.query('rollback').catch(() => undefined)
    const { message, code, position } = cause as Partial<pg.DatabaseError>
    const line = sql.slice(0, Number(position)).split('\n').length
    const reason =
      code === '55P03'
        ? `A table it changes was in use for ${waitForTablesMs / 1_000} s: ` +
          'start again, or stop what uses it.'
        : `${message ?? cause}${position ? ` (line ${line})` : ''}`
    throw new DatabaseFault(`Migration ${name} was not applied and changed nothing. ${reason}`, {
      cause,
    })
  }
}
