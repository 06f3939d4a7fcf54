import pg from 'pg'
import type { PrismaClient } from '../../generated/prisma/client.ts'
import { columnTypes, rejectShiftedTimes } from './column-types.ts'
import { isDatabaseUnavailable } from './database-errors.ts'
import type { Queries } from './queries.ts'
import { SessionClient, type SessionConfig } from './session-settings.ts'
import { openSnapshot, type Snapshot } from './snapshot.ts'
import { buildWriteWatch } from './write-watch.ts'

export type { Queries } from './queries.ts'

export type Database = Queries & {
  /**
   * Queries on connections that nothing else occupies: those of the lanes, which every sign-in
   * passes. Without connections of their own they share the pool.
   */
  readonly reserved: Queries
  /** For everything off the hot path; it shares the pool. Loaded when first asked for. */
  prisma(): Promise<PrismaClient>
  /**
   * Commits when the work resolves, rolls back when it rejects; all within `timeoutMs`, or within
   * the longer time given for work that reads all of a tenant.
   */
  transaction<T>(work: (tx: Queries) => Promise<T>, longerMs?: number): Promise<T>
  /**
   * A snapshot of the database, to be read piece by piece, each within `timeoutMs`. It keeps a
   * connection until it is closed; the server ends one that is idle for five times `timeoutMs`.
   */
  snapshot(): Promise<Snapshot>
  /** Queries sent since the start, Prisma's too. */
  readonly roundTrips: () => number
  /**
   * The same by name of the statement; `other` counts those without one: Prisma's, and those that
   * begin and end transactions.
   */
  readonly statements: () => ReadonlyMap<string, number>
  readonly connections: () => { total: number; idle: number; waiting: number }
  /**
   * Calls the listener after each statement or transaction that has changed rows, once it is
   * committed.
   */
  listenToWrites(listener: () => void): void
  /** Waits for what is under way, then closes the connections. May be called again. */
  close(): Promise<void>
}

export type DatabaseConfig = {
  readonly url: string
  /** Default `public`. */
  readonly schema?: string
  readonly maxConnections?: number
  /** How many of them only `reserved` uses. Default none. */
  readonly reservedConnections?: number
  /**
   * Longest time from the call to a result or an error, waiting for a connection included. Default
   * 1,800.
   */
  readonly timeoutMs?: number
  /**
   * Called for connections that die while idle, until `close`; the pool replaces them by itself.
   */
  readonly onConnectionLost?: (error: Error) => void
  /** Called for each new connection. */
  readonly onConnected?: () => void
}

/** A client of the pool for the time of one piece of work. */
type PooledClient = Queries & { command(text: string): Promise<unknown> }

// Statements that were prepared before a migration, and a primary that has become a replica.
const staleConnectionCodes = new Set(['0A000', '26000', '25006'])
const leastMs = 100
const keepAliveMs = 10_000
const idleMs = 60_000

/**
 * Opens the pool that hand-written SQL and Prisma share, and the reserved one. They connect when
 * first used, so they open also while the database is away; queries then reject until it is back,
 * and recover by themselves.
 */
export function openDatabase(config: DatabaseConfig): Database {
  const { timeoutMs = 1_800, schema = 'public', maxConnections = 10 } = config
  const { reservedConnections = 0 } = config
  const pool = openPool(config, timeoutMs, maxConnections - reservedConnections)
  const isShared = reservedConnections === 0
  const reservedPool = isShared ? pool : openPool(config, timeoutMs, reservedConnections)
  const pools = [...new Set([pool, reservedPool])]
  let roundTrips = 0
  const statements = new Map<string, number>()
  const writes = buildWriteWatch()
  const prepare = (client: pg.PoolClient) => {
    const send = client.query.bind(client) as (...args: unknown[]) => unknown
    const sendAndCount = (...args: unknown[]) => {
      roundTrips++
      const [query, ...rest] = args as [pg.QueryConfig, ...unknown[]]
      const { name = 'other', types } = query
      statements.set(name, (statements.get(name) ?? 0) + 1)
      const result = send(types ? { ...query, types: rejectShiftedTimes(types) } : query, ...rest)
      writes.watch(client, query, result)
      return result
    }
    client.query = sendAndCount as typeof client.query
    config.onConnected?.()
  }
  let closePromise: Promise<void> | undefined
  // A closed pool does not wait for its sockets: a server that stops right after may still cut
  // those that are terminating.
  for (const one of pools) {
    one.on('connect', prepare)
    one.on('error', (error) => {
      if (!closePromise) config.onConnectionLost?.(error)
    })
  }
  let prismaPromise: Promise<PrismaClient> | undefined

  return {
    prisma: () => {
      // A load that failed is tried again: there may have been too many open files.
      prismaPromise ??= loadPrisma(pool, schema).catch((error: unknown) => {
        prismaPromise = undefined
        throw error
      })
      return prismaPromise
    },
    query: queryOf(pool, timeoutMs),
    reserved: { query: queryOf(reservedPool, timeoutMs) },
    transaction: (work, longerMs) =>
      withClient(pool, longerMs ?? timeoutMs, (client) => commit(client, work, longerMs)),
    snapshot: () => openSnapshot(pool, timeoutMs),
    roundTrips: () => roundTrips,
    statements: () => statements,
    connections: () => countConnections(pools),
    listenToWrites: writes.listen,
    close: () => {
      closePromise ??= closeAll(pools, prismaPromise)
      return closePromise
    },
  }
}

/** A fifth of a second of CPU and 45 MB, which a process that never asks does without. */
async function loadPrisma(pool: pg.Pool, schema: string): Promise<PrismaClient> {
  const [{ PrismaPg }, { PrismaClient }] = await Promise.all([
    import('@prisma/adapter-pg'),
    import('../../generated/prisma/client.ts'),
  ])
  return new PrismaClient({ adapter: new PrismaPg(pool, { schema }) })
}

function queryOf(pool: pg.Pool, timeoutMs: number): Queries['query'] {
  return (name, text, values) =>
    withClient(pool, timeoutMs, (client) => client.query(name, text, values))
}

function countConnections(pools: readonly pg.Pool[]) {
  const sum = (count: (pool: pg.Pool) => number) =>
    pools.reduce((total, pool) => total + count(pool), 0)
  return {
    total: sum((pool) => pool.totalCount),
    idle: sum((pool) => pool.idleCount),
    waiting: sum((pool) => pool.waitingCount),
  }
}

async function closeAll(
  pools: readonly pg.Pool[],
  prismaPromise?: Promise<PrismaClient>,
): Promise<void> {
  const prisma = await prismaPromise?.catch(() => null)
  await prisma?.$disconnect()
  await Promise.all(pools.map((pool) => pool.end()))
}

function openPool(config: DatabaseConfig, timeoutMs: number, max: number): pg.Pool {
  const { url, schema = 'public' } = config
  const session: SessionConfig = {
    connectionString: url,
    application_name: 'countersign',
    types: columnTypes,
    schema,
    connectionTimeoutMillis: timeoutMs,
    // The server's timeout comes first: then the outcome is certain and the connection survives.
    query_timeout: timeoutMs,
    settings: {
      statement_timeout: String(Math.ceil(timeoutMs * 0.9)),
      idle_in_transaction_session_timeout: String(5 * timeoutMs),
    },
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
  }
  return new pg.Pool({
    ...session,
    max,
    idleTimeoutMillis: idleMs,
    // The pool passes on all options that it gets.
    Client: SessionClient as unknown as new () => pg.ClientBase,
  })
}

/** Runs the work with a pooled client and releases it, or drops it when it is no longer usable. */
async function withClient<T>(
  pool: pg.Pool,
  timeoutMs: number,
  work: (client: PooledClient) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  const client = await pool.connect()
  const send = async <Row extends pg.QueryResultRow>(statement: pg.QueryConfig): Promise<Row[]> => {
    const query_timeout = Math.max(leastMs, deadline - performance.now())
    return (await client.query<Row>({ ...statement, query_timeout } as pg.QueryConfig)).rows
  }
  try {
    const result = await work({
      query: (name, text, values) => send({ name, text, values: [...values] }),
      command: (text) => send({ text }),
    })
    client.release()
    return result
  } catch (error) {
    client.release(!isUsable(client, error))
    throw error
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

async function commit<T>(
  client: PooledClient,
  work: (tx: Queries) => Promise<T>,
  longerMs?: number,
): Promise<T> {
  await client.command('begin')
  let result: T
  try {
    if (longerMs !== undefined) {
      await client.command(`set local statement_timeout = ${Math.ceil(longerMs * 0.9)}`)
    }
    result = await work({ query: client.query })
  } catch (error) {
    // Where this fails the connection is dropped, and the server rolls back by itself.
    await client.command('rollback').catch(() => undefined)
    throw error
  }
  await client.command('commit')
  return result
}

/** The database's time in milliseconds since the epoch, whatever the settings for dates are. */
export async function readClock(database: Queries): Promise<number> {
  const text = 'select extract(epoch from clock_timestamp())::float8 * 1000 as ms'
  const [row] = await database.query<{ ms: number }>('clock', text, [])
  return Number(row?.ms)
}
