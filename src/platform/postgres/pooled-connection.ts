// One connection of the pool for the time of one piece of work.

import type pg from 'pg'
import { isDatabaseUnavailable } from './database-errors.ts'
import type { Queries } from './queries.ts'

export type PooledConnection = Queries & {
  command(text: string): Promise<unknown>
  /** Gives it back; after a failure, only if it is still usable. */
  end(failure?: { readonly error: unknown }): void
}

/** Opens the connection on which a statement of this tenant runs; '' for one of no tenant. */
export type Connect = (owner: string) => Promise<PooledConnection>

// Statements that were prepared before a migration, and a primary that has become a replica.
const staleConnectionCodes = new Set(['0A000', '26000', '25006'])
const leastMs = 100

/** A connection whose statements all end by the deadline (`performance.now()`). */
export async function takeConnection(pool: pg.Pool, deadline: number): Promise<PooledConnection> {
  const client = await pool.connect()
  const send = async <Row extends pg.QueryResultRow>(statement: pg.QueryConfig): Promise<Row[]> => {
    const query_timeout = Math.max(leastMs, deadline - performance.now())
    return (await client.query<Row>({ ...statement, query_timeout } as pg.QueryConfig)).rows
  }
  return {
    query: (name, text, values) => send({ name, text, values: [...values] }),
    command: (text) => send({ text }),
    end: (failure) => client.release(failure !== undefined && !isUsable(client, failure.error)),
  }
}

/**
 * pg's own `pool.query` drops the connection, and all that is prepared on it, at every error. After
 * an ordinary refusal such as a unique violation, and after any error that the caller threw, it is
 * as good as before.
 */
function isUsable(client: pg.PoolClient, error: unknown): boolean {
  if (client.getTransactionStatus() !== 'I') return false
  const { severity, code } = error as Partial<pg.DatabaseError>
  if (severity === undefined) return !isDatabaseUnavailable(error)
  return severity === 'ERROR' && !staleConnectionCodes.has(`${code}`)
}

/** Runs the work on a connection, and gives that back. */
export async function withConnection<T>(
  connecting: Promise<PooledConnection>,
  work: (connection: PooledConnection) => Promise<T>,
): Promise<T> {
  const connection = await connecting
  try {
    const result = await work(connection)
    connection.end()
    return result
  } catch (error) {
    connection.end({ error })
    throw error
  }
}

/**
 * Commits when the work resolves, rolls back when it rejects. It begins with the first statement,
 * whose tenant is the one that it is done for.
 */
export async function inTransaction<T>(
  connect: Connect,
  work: (tx: Queries) => Promise<T>,
  longerMs?: number,
): Promise<T> {
  let connecting: Promise<PooledConnection> | undefined
  const tx: Queries = {
    async query(name, text, values, owner = '') {
      connecting ??= begin(connect(owner), longerMs)
      return (await connecting).query(name, text, values)
    },
  }
  let result: T
  try {
    result = await work(tx)
  } catch (error) {
    const connection = await connecting?.catch(() => undefined)
    // Where this fails the connection is dropped, and the server rolls back by itself.
    await connection?.command('rollback').catch(() => undefined)
    connection?.end({ error })
    throw error
  }
  if (connecting === undefined) return result
  return withConnection(connecting, async (connection) => {
    await connection.command('commit')
    return result
  })
}

async function begin(
  connecting: Promise<PooledConnection>,
  longerMs?: number,
): Promise<PooledConnection> {
  const connection = await connecting
  try {
    await connection.command('begin')
    if (longerMs !== undefined) {
      await connection.command(`set local statement_timeout = ${Math.ceil(longerMs * 0.9)}`)
    }
    return connection
  } catch (error) {
    connection.end({ error })
    throw error
  }
}
