// The database, opened and migrated.

import path from 'node:path'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { createDatabaseClock, type DatabaseClock } from './outbound/database-clock.ts'
import { type Database, openDatabase, readClock } from './persistence/database.ts'
import { DatabaseFault } from './persistence/database-errors.ts'
import { migrate } from './persistence/migrations.ts'
import { StartFault } from './start-fault.ts'

/** A migrated database that this process may use. */
export type OpenedDatabase = {
  readonly url: string
  readonly schema: string
  readonly database: Database
  readonly clock: DatabaseClock
  close(): Promise<void>
}

/** The migrations stand beside the sources, wherever the process was started. */
const migrationsFolder = path.join(import.meta.dirname, '..', 'prisma', 'migrations')

async function openEmbedded({ dataFolder }: Config, log: Logger) {
  const { startEmbeddedPostgres } = await import('./persistence/embedded-postgres.ts')
  return startEmbeddedPostgres({
    folder: path.resolve(dataFolder, 'postgresql'),
    log: (message) => log.debug({ part: 'postgresql' }, message),
    warn: (message) => log.warn({ part: 'postgresql' }, message),
  })
}

/** Opens the configured database, or starts the embedded one, and applies what migrations are pending. */
export async function openMigratedDatabase(config: Config, log: Logger): Promise<OpenedDatabase> {
  const embedded = config.database.url === null ? await openEmbedded(config, log) : null
  const url = embedded?.url ?? config.database.url
  const { schema } = config.database
  if (!url) throw new Error('there is neither DATABASE_URL nor an embedded database')
  try {
    const { applied } = await migrate(url, migrationsFolder, { schema })
    if (applied.length > 0) log.info({ applied }, 'migrations applied')
  } catch (error) {
    await embedded?.stop()
    if (!(error instanceof DatabaseFault)) throw error
    const whose = embedded ? '' : 'DATABASE_URL: '
    throw new StartFault(`${whose}${error.message}.`, { cause: error })
  }
  let clock: DatabaseClock | undefined
  const database = openDatabase({
    url,
    schema,
    maxConnections: config.database.connections,
    onConnectionLost: (error) => log.warn({ err: error }, 'database connection lost'),
    // It may lead to another machine than the ones before.
    onConnected: () => clock?.doubt(),
  })
  clock = await createDatabaseClock({ ask: () => readClock(database), log })
  const learned = clock
  return {
    url,
    schema,
    database,
    clock: learned,
    async close() {
      await learned.close()
      await database.close()
      await embedded?.stop()
    },
  }
}
