// A process proves that it is alive by a lock that ends with its connection.

import { createHash, randomInt } from 'node:crypto'
import type { LeaseHolder } from '../../domain/lease.ts'
import type { OtherProcesses } from '../net/signal-hub.ts'
import { SessionClient } from './session-settings.ts'

export type Presence = LeaseHolder & OtherProcesses & { close(): Promise<void> }

const reconnectEveryMs = 500
/** Heartbeat: a connection whose other end is gone silently is detected by a query. */
const beatEveryMs = 5_000
const answerWithinMs = 2_000
const namesMax = 2 ** 31 - 1

/**
 * First half of the key of the locks: installations in other schemas of the database have their
 * own.
 */
export function presenceClass(schema: string): number {
  return createHash('sha256').update(`countersign presence ${schema}`).digest().readUInt32BE() >>> 1
}

/** How many processes hold the lock of this class ($1). */
const countHolders = `
  select count(*)::int as count from pg_locks l
  where l.locktype = 'advisory' and l.classid = $1::bigint::oid and l.objsubid = 2 and l.granted
    and l.database = (select b.oid from pg_database b where b.datname = current_database())`

/** The prefix of a lock holder's name in leases. */
export const holderPrefix = 'process:'

/**
 * Takes an advisory lock of its own on a connection of its own, and takes it again each time the
 * connection is lost. PostgreSQL releases it when the connection ends, however the process ended.
 * Rejects when it cannot be had at the start.
 */
export async function acquirePresence(
  { url, schema = 'public' }: { readonly url: string; readonly schema?: string },
  onFailure: (error: unknown) => void,
): Promise<Presence> {
  const key = [presenceClass(schema), randomInt(namesMax)] as const
  let client: SessionClient | undefined
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  let isLost = false
  let isAlone = false
  let noticesOfOthers = 0

  /** Also the heartbeat. A process that is noticed while it runs may not be in its result. */
  async function countProcesses(on: SessionClient): Promise<void> {
    const noticesBefore = noticesOfOthers
    const { rows } = await on.query(countHolders, [key[0]])
    isAlone = rows[0]?.count === 1 && noticesOfOthers === noticesBefore
  }

  async function connect(): Promise<void> {
    const fresh = new SessionClient({
      connectionString: url,
      application_name: 'countersign-presence',
      connectionTimeoutMillis: answerWithinMs,
      query_timeout: answerWithinMs,
      keepAlive: true,
      schema,
    })
    // The `end` event reports its end, too.
    fresh.on('error', () => undefined)
    fresh.on('end', () => {
      if (client === fresh) reconnect(0)
    })
    try {
      await fresh.connect()
      // The one before may still be held by a connection that the server considers alive.
      const { rows } = await fresh.query('select pg_try_advisory_lock($1, $2) as is_locked', [
        ...key,
      ])
      if (!rows[0]?.is_locked) throw new Error('the lock of this process is still held elsewhere')
      await countProcesses(fresh)
    } catch (error) {
      await fresh.end().catch(() => undefined)
      throw error
    }
    if (isClosed) return fresh.end()
    client = fresh
    isLost = false
    timer = setTimeout(beat, beatEveryMs).unref()
  }

  function reconnect(afterMs: number): void {
    client = undefined
    isAlone = false
    clearTimeout(timer)
    if (isClosed) return
    timer = setTimeout(() => {
      connect().catch((error: unknown) => {
        if (!isLost) onFailure(error)
        isLost = true
        reconnect(reconnectEveryMs)
      })
    }, afterMs).unref()
  }

  function beat(): void {
    const current = client
    if (!current) return
    countProcesses(current).then(
      () => {
        if (client === current) timer = setTimeout(beat, beatEveryMs).unref()
      },
      () => {
        if (client !== current) return
        reconnect(0)
        current.end().catch(() => undefined)
      },
    )
  }

  await connect()
  return {
    name: `${holderPrefix}${key[1]}`,
    isPresent: () => client !== undefined,
    isAlone: () => isAlone,
    noticeOthers() {
      noticesOfOthers++
      isAlone = false
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      const last = client
      client = undefined
      await last?.end()
    },
  }
}
