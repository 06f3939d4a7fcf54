import { randomBytes } from 'node:crypto'
import { cluster, databaseUrl, onServer } from './cluster.ts'

/** A database of one test file or test: `await using` or `drop` ends it. */
export type TestDatabase = AsyncDisposable & {
  readonly url: string
  /** Drops it immediately, also with open connections. */
  readonly drop: () => Promise<void>
}

const templateInUse = '55006'

/**
 * A fresh database with all migrations applied and no rows, cloned from the run's template in about
 * 30 ms.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  return create((await cluster()).template)
}

/** A fresh database without anything in it, for tests of the migrations themselves. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  return create('template0')
}

async function create(template: string): Promise<TestDatabase> {
  const { adminUrl, prefix } = await cluster()
  const name = `${prefix}_${randomBytes(6).toString('hex')}`
  await onServer(adminUrl, async (client) => {
    for (;;) {
      try {
        return await client.query(
          `create database "${name}" template "${template}" strategy file_copy`,
        )
      } catch (error) {
        // Another test file clones the template at this moment.
        if ((error as { code?: string }).code !== templateInUse) throw error
      }
    }
  })
  const drop = async () => {
    await onServer(adminUrl, (client) =>
      client.query(`drop database if exists "${name}" with (force)`),
    )
  }
  return { url: databaseUrl(adminUrl, name), drop, [Symbol.asyncDispose]: drop }
}
