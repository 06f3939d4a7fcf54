import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from '../generated/prisma/client.ts'
import { columnTypes, refusingShiftedTimes } from './column-types.ts'
import { isDatabaseUnavailable } from './database-errors.ts'
import { SessionClient, type SessionConfig } from './session-settings.ts'
import { createWriteWatch } from './write-watch.ts'

export type Queries = {
  /**
   * One statement, one round trip. The name makes it a prepared statement: it belongs to one text, for ever.
   * Rejects in time, within `timeoutMs` of the call; `isDatabaseUnavailable` tells whether it is worth repeating.
   */
  query<Row extends pg.QueryResultRow = Record<string, unknown>>(
    name: string,
    text: string,
    values: readonly unknown[],
  ): Promise<Row[]>
}

export type Database = Queries & {
  /** For everything off the hot path; it shares the pool. */
  readonly prisma: PrismaClient
  /**
   * Commits what the work did when it resolves, undoes it when it rejects; all within `timeoutMs`, or within the longer time that is
   * given for work which reads all of a tenant.
   */
  transaction<T>(work: (tx: Queries) => Promise<T>, longerMs?: number): Promise<T>
  /**
   * What the database held at one moment, to be read piece by piece, each within `timeoutMs`. It keeps a connection until it
   * is closed; the server ends one of which nothing was asked for five times `timeoutMs`.
   */
  snapshot(): Promise<Snapshot>
  /** Queries sent since the start, Prisma's too. */
  readonly roundTrips: () => number
  /** The same by name of the statement; those without one are Prisma's, and what begins and ends transactions: `other`. */
  readonly statements: () => ReadonlyMap<string, number>
  readonly connections: () => { total: number; idle: number; waiting: number }
  /** Tells of each statement or transaction that has changed rows, once it is committed. */
  listenToWrites(listener: () => void): void
  /** Waits for what is under way, then closes the connections. May be called again. */
  close(): Promise<void>
}

export type DatabaseConfig = {
  readonly url: string
  /** Default `public`. */
  readonly schema?: string
  readonly maxConnections?: number
  /** Longest time from asking to having an answer or an error, waiting for a connection included. Default 1,800. */
  readonly timeoutMs?: number
  /** Told of connections that die while idle, until `close`; the pool replaces them by itself. */
  readonly onConnectionLost?: (error: Error) => void
  /** Told of each new connection. */
  readonly onConnected?: () => void
}

/** Reads of one moment; closing may be repeated, and waits for what is under way. */
export type Snapshot = Queries & { close(): Promise<void> }

/** A connection for a while. */
type Loan = Queries & { command(text: string): Promise<unknown> }

// Statements that were prepared before a migration, and a primary that has become a replica.
const betterElsewhere = new Set(['0A000', '26000', '25006'])
const leastMs = 100
const keepAliveMs = 10_000
const idleMs = 60_000

/**
 * Opens the one pool that hand-written SQL and Prisma share. It connects when first used, so it opens also while the
 * database is away; queries then reject until it is back, and heal by themselves.
 */
export function openDatabase(config: DatabaseConfig): Database {
  const { timeoutMs = 1_800, schema = 'public' } = config
  const pool = openPool(config, timeoutMs)
  let roundTrips = 0
  const statements = new Map<string, number>()
  const writes = createWriteWatch()
  pool.on('connect', (client) => {
    const send = client.query.bind(client) as (...args: unknown[]) => unknown
    const sendAndCount = (...args: unknown[]) => {
      roundTrips++
      const [query, ...rest] = args as [pg.QueryConfig, ...unknown[]]
      const { name = 'other', types } = query
      statements.set(name, (statements.get(name) ?? 0) + 1)
      const sent = send(types ? { ...query, types: refusingShiftedTimes(types) } : query, ...rest)
      writes.watch(client, query, sent)
      return sent
    }
    client.query = sendAndCount as typeof client.query
    config.onConnected?.()
  })
  let closed: Promise<void> | undefined
  // A pool that is closed does not wait for its sockets: a server that stops right after may still cut what already says goodbye.
  pool.on('error', (error) => {
    if (!closed) config.onConnectionLost?.(error)
  })
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { schema }) })

  return {
    prisma,
    query: (name, text, values) => lend(pool, timeoutMs, (loan) => loan.query(name, text, values)),
    transaction: (work, longerMs) =>
      lend(pool, longerMs ?? timeoutMs, (loan) => commit(loan, work, longerMs)),
    snapshot: () => openSnapshot(pool, timeoutMs),
    roundTrips: () => roundTrips,
    statements: () => statements,
    connections: () => ({
      total: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
    }),
    listenToWrites: writes.listen,
    close: () => {
      closed ??= prisma.$disconnect().then(() => pool.end())
      return closed
    },
  }
}

function openPool(config: DatabaseConfig, timeoutMs: number): pg.Pool {
  const { url, schema = 'public', maxConnections = 10 } = config
  const session: SessionConfig = {
    connectionString: url,
    application_name: 'countersign',
    types: columnTypes,
    schema,
    connectionTimeoutMillis: timeoutMs,
    // The server gives up first: then the outcome is certain and the connection lives on.
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
    max: maxConnections,
    idleTimeoutMillis: idleMs,
    // The pool hands on all that it was given.
    Client: SessionClient as unknown as new () => pg.ClientBase,
  })
}

/** Lends a connection to the work and takes it back, or drops it when it is no longer good. */
async function lend<T>(
  pool: pg.Pool,
  timeoutMs: number,
  work: (loan: Loan) => Promise<T>,
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
 * pg's own `pool.query` drops the connection, and all that is prepared on it, at every error. After an ordinary refusal
 * such as a unique violation, and after whatever the caller threw, it is as good as before.
 */
function isUsable(client: pg.PoolClient, error: unknown): boolean {
  if (client.getTransactionStatus() !== 'I') return false
  const { severity, code } = error as Partial<pg.DatabaseError>
  if (severity === undefined) return !isDatabaseUnavailable(error)
  return severity === 'ERROR' && !betterElsewhere.has(`${code}`)
}

async function commit<T>(
  loan: Loan,
  work: (tx: Queries) => Promise<T>,
  longerMs?: number,
): Promise<T> {
  await loan.command('begin')
  let result: T
  try {
    if (longerMs !== undefined) {
      await loan.command(`set local statement_timeout = ${Math.ceil(longerMs * 0.9)}`)
    }
    result = await work({ query: loan.query })
  } catch (error) {
    // Where this fails the connection is dropped, and the server undoes the work by itself.
    await loan.command('rollback').catch(() => undefined)
    throw error
  }
  await loan.command('commit')
  return result
}

async function openSnapshot(pool: pg.Pool, timeoutMs: number): Promise<Snapshot> {
  const client = await pool.connect()
  const send = <Row extends pg.QueryResultRow>(statement: pg.QueryConfig) =>
    client.query<Row>({ ...statement, query_timeout: timeoutMs } as pg.QueryConfig)
  const end = async () => {
    const ended = await send({ text: 'rollback' }).catch(() => null)
    client.release(ended === null)
  }
  try {
    await send({ text: 'begin isolation level repeatable read read only' })
  } catch (error) {
    client.release(true)
    throw error
  }
  let closed: Promise<void> | undefined
  return {
    async query<Row extends pg.QueryResultRow>(
      name: string,
      text: string,
      values: readonly unknown[],
    ) {
      if (closed !== undefined) throw new Error('the snapshot is closed')
      return (await send<Row>({ name, text, values: [...values] })).rows
    },
    close: () => {
      closed ??= end()
      return closed
    },
  }
}

/** The database's time in milliseconds since the epoch, whatever the settings for dates are. */
export async function readClock(database: Queries): Promise<number> {
  const text = 'select extract(epoch from clock_timestamp())::float8 * 1000 as ms'
  const [row] = await database.query<{ ms: number }>('clock', text, [])
  return Number(row?.ms)
}
