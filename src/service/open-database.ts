// The database, opened and migrated.

import path from 'node:path'
import type { Logger } from 'pino'
import { buildDatabaseClock, type DatabaseClock } from '../platform/net/database-clock.ts'
import { type Database, openDatabase, readClock } from '../platform/postgres/database.ts'
import { migrate } from '../platform/postgres/migrations.ts'
import type { Config } from './config.ts'
import { operatorFault } from './start-fault.ts'
import { databaseFault, waitForDatabase } from './wait-for-database.ts'

/** A migrated database that this process may use. */
export type OpenedDatabase = {
  readonly url: string
  readonly schema: string
  readonly database: Database
  readonly clock: DatabaseClock
  /** Names of those that this process applied when it opened the database. */
  readonly appliedMigrations: readonly string[]
  close(): Promise<void>
}

/** The migrations lie next to the sources, wherever the process was started. */
const migrationsFolder = path.join(import.meta.dirname, '../..', 'prisma', 'migrations')

async function openEmbedded({ dataFolder }: Config, log: Logger) {
  const { startEmbeddedPostgres } = await import(
    '../platform/postgres/embedded/embedded-postgres.ts'
  )
  const starting = startEmbeddedPostgres({
    folder: path.resolve(dataFolder, 'postgresql'),
    log: (message) => log.debug({ part: 'postgresql' }, message),
    warn: (message) => log.warn({ part: 'postgresql' }, message),
  })
  return starting.catch((error: unknown) => {
    throw operatorFault(error)
  })
}

const sourceOf = (config: Config) => (config.database.url === null ? '' : 'DATABASE_URL: ')

/** Opens the configured database, or starts the embedded one, and applies pending migrations. */
export async function openMigratedDatabase(config: Config, log: Logger): Promise<OpenedDatabase> {
  return openWhen(config, log, async (work) => {
    try {
      return await work()
    } catch (error) {
      throw databaseFault(error, sourceOf(config))
    }
  })
}

/** The same for a service, which waits for an unreachable database. */
export function awaitMigratedDatabase(config: Config, log: Logger): Promise<OpenedDatabase> {
  return openWhen(config, log, (work) => waitForDatabase(log, sourceOf(config), work))
}

/** How long the work of a start may take. No request waits for it. */
const startMs = 30_000

/**
 * Does the work of a start on its own connections, which have a longer timeout than those of
 * requests.
 */
export async function whileStarting<T>(
  config: Config,
  { url, schema }: OpenedDatabase,
  log: Logger,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  return waitForDatabase(log, sourceOf(config), async () => {
    const database = openDatabase({ url, schema, maxConnections: 2, timeoutMs: startMs })
    try {
      return await work(database)
    } finally {
      await database.close()
    }
  })
}

/** Of these connections, those for the lanes of sign-ins: half, where there are enough to share. */
export const reservedOf = (connections: number): number =>
  connections < 4 ? 0 : Math.floor(connections / 2)

async function openWhen(
  config: Config,
  log: Logger,
  whenReachable: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<OpenedDatabase> {
  await using undo = new AsyncDisposableStack()
  const embeddedDatabase = config.database.url === null ? await openEmbedded(config, log) : null
  undo.defer(async () => embeddedDatabase?.stop())
  const url = embeddedDatabase?.url ?? config.database.url
  const { schema, connections: maxConnections } = config.database
  if (!url) throw new Error('there is neither DATABASE_URL nor an embedded database')
  const { applied: appliedMigrations } = await whenReachable(() =>
    migrate(url, migrationsFolder, { schema }),
  )
  const last = appliedMigrations.at(-1)
  if (last) log.info({ count: appliedMigrations.length, last }, 'migrations applied')
  let clock: DatabaseClock | undefined
  const onConnectionLost = (error: Error) => log.warn({ err: error }, 'database connection lost')
  // The new connection may lead to another machine than the former ones.
  const onConnected = () => clock?.doubt()
  const reservedConnections = reservedOf(maxConnections)
  const sizes = { maxConnections, reservedConnections }
  const pool = { url, schema, ...sizes, onConnectionLost, onConnected }
  const database = openDatabase(pool)
  undo.defer(() => database.close())
  const readyClock = await whenReachable(() =>
    buildDatabaseClock({ ask: () => readClock(database), log }),
  )
  clock = readyClock
  undo.defer(() => readyClock.close())
  const resources = undo.move()
  const close = () => resources.disposeAsync()
  return { url, schema, database, clock: readyClock, appliedMigrations, close }
}
