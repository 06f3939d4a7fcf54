import pg from 'pg'
import type { TenantId } from '../../domain/ids.ts'
import type { PrismaClient } from '../../generated/prisma/client.ts'
import { columnTypes, rejectShiftedTimes } from './column-types.ts'
import { buildConnectionShares, type ConnectionShares } from './connection-shares.ts'
import { buildNoticeWatch } from './notice-watch.ts'
import { type Connect, inTransaction, takeConnection, withConnection } from './pooled-connection.ts'
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
  /**
   * Prisma, for reads off the hot path: it shares the pool, and the work counts as one statement of
   * this tenant (null: of none). Loaded when first asked for.
   */
  prisma<T>(tenantId: TenantId | null, work: (client: PrismaClient) => Promise<T>): Promise<T>
  /**
   * Commits when the work resolves, rolls back when it rejects; all within `timeoutMs`, or within
   * the longer time given for work that reads all of a tenant. It is done for the tenant of its
   * first statement.
   */
  transaction<T>(work: (tx: Queries) => Promise<T>, longerMs?: number): Promise<T>
  /**
   * A snapshot of the database, to be read piece by piece, each within `timeoutMs`. It keeps a
   * connection until it is closed; the server ends one that is idle for five times `timeoutMs`.
   */
  snapshot(): Promise<Snapshot>
  /** How many of them may be open, so that other work finds connections. */
  readonly snapshotsMax: number
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
  /**
   * Calls the listener of a notice (`raise info`) after each statement or transaction that has
   * raised it, once it is committed. A notice has one listener.
   */
  listenToNotice(notice: string, listener: () => void): void
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

const snapshotOwner = 'snapshots'
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
  const sharedConnections = maxConnections - reservedConnections
  const pool = openPool(config, timeoutMs, sharedConnections)
  const shares = buildConnectionShares(sharedConnections, timeoutMs)
  const isShared = reservedConnections === 0
  const reservedPool = isShared ? pool : openPool(config, timeoutMs, reservedConnections)
  const pools = [...new Set([pool, reservedPool])]
  let roundTrips = 0
  const statements = new Map<string, number>()
  const writes = buildWriteWatch()
  const notices = buildNoticeWatch()
  const prepare = (client: pg.PoolClient) => {
    const send = client.query.bind(client) as (...args: unknown[]) => unknown
    const sendAndCount = (...args: unknown[]) => {
      roundTrips++
      const [query, ...rest] = args as [pg.QueryConfig, ...unknown[]]
      const { name = 'other', types } = query
      statements.set(name, (statements.get(name) ?? 0) + 1)
      const result = send(types ? { ...query, types: rejectShiftedTimes(types) } : query, ...rest)
      writes.watch(client, query, result)
      notices.watch(client, result)
      return result
    }
    client.query = sendAndCount as typeof client.query
    notices.attach(client)
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
    async prisma(tenantId, work) {
      // A load that failed is tried again: there may have been too many open files.
      prismaPromise ??= loadPrisma(pool, schema).catch((error: unknown) => {
        prismaPromise = undefined
        throw error
      })
      const client = await prismaPromise
      const giveBack = await shares.take(tenantId ?? '')
      return work(client).finally(giveBack)
    },
    query: queryOf(() => connectIn(pool, shares, timeoutMs)),
    reserved: { query: queryOf(() => () => takeConnection(reservedPool, endOf(timeoutMs))) },
    transaction: (work, longerMs) =>
      inTransaction(connectIn(pool, shares, longerMs ?? timeoutMs), work, longerMs),
    snapshot: async () => openSnapshot(pool, timeoutMs, await shares.take(snapshotOwner)),
    snapshotsMax: Math.ceil(sharedConnections / 2),
    roundTrips: () => roundTrips,
    statements: () => statements,
    connections: () => countConnections(pools, shares),
    listenToWrites: writes.listen,
    listenToNotice: notices.listen,
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

const endOf = (timeoutMs: number) => performance.now() + timeoutMs

/** Connections of the shared pool, for work that ends within `timeoutMs` from now. */
function connectIn(pool: pg.Pool, shares: ConnectionShares, timeoutMs: number): Connect {
  const deadline = endOf(timeoutMs)
  return async (owner) => {
    const giveBack = await shares.take(owner)
    try {
      const { end, ...connection } = await takeConnection(pool, deadline)
      return {
        ...connection,
        end(failure) {
          end(failure)
          giveBack()
        },
      }
    } catch (error) {
      giveBack()
      throw error
    }
  }
}

function queryOf(connect: () => Connect): Queries['query'] {
  return (name, text, values, owner = '') =>
    withConnection(connect()(owner), (connection) => connection.query(name, text, values))
}

function countConnections(pools: readonly pg.Pool[], shares: ConnectionShares) {
  const sum = (count: (pool: pg.Pool) => number) =>
    pools.reduce((total, pool) => total + count(pool), 0)
  return {
    total: sum((pool) => pool.totalCount),
    idle: sum((pool) => pool.idleCount),
    waiting: sum((pool) => pool.waitingCount) + shares.waiting(),
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

/** The database's time in milliseconds since the epoch, whatever the settings for dates are. */
export async function readClock(database: Queries): Promise<number> {
  const text = 'select extract(epoch from clock_timestamp())::float8 * 1000 as ms'
  const [row] = await database.query<{ ms: number }>('clock', text, [])
  return Number(row?.ms)
}
