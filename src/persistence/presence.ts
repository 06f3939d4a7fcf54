// A process shows that it lives by a lock that ends with its connection.

import { createHash, randomInt } from 'node:crypto'
import type { LeaseHolder } from '../domain/lease.ts'
import { SessionClient } from './session-settings.ts'

export type Presence = LeaseHolder & { close(): Promise<void> }

const reconnectEveryMs = 500
/** A connection whose other end is gone without a word is found out by asking. */
const beatEveryMs = 5_000
const answerWithinMs = 2_000
const namesMax = 2 ** 31 - 1

/** First half of the key of the locks: installations in other schemas of the database have their own. */
export function presenceClass(schema: string): number {
  return createHash('sha256').update(`countersign presence ${schema}`).digest().readUInt32BE() >>> 1
}

/** How the holder of a lock is called where it leases. */
export const holderPrefix = 'process:'

/**
 * Takes an advisory lock of its own on a connection of its own, and takes it again whenever the connection is lost. PostgreSQL
 * gives it up when the connection ends, whatever ended the process. Rejects when it cannot be had at the start.
 */
export async function createPresence(
  { url, schema = 'public' }: { readonly url: string; readonly schema?: string },
  failed: (error: unknown) => void,
): Promise<Presence> {
  const key = [presenceClass(schema), randomInt(namesMax)] as const
  let client: SessionClient | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false
  let lost = false

  async function connect(): Promise<void> {
    const fresh = new SessionClient({
      connectionString: url,
      application_name: 'countersign-presence',
      connectionTimeoutMillis: answerWithinMs,
      query_timeout: answerWithinMs,
      keepAlive: true,
      schema,
    })
    // What ends it is told by `end`, too.
    fresh.on('error', () => undefined)
    fresh.on('end', () => {
      if (client === fresh) again(0)
    })
    try {
      await fresh.connect()
      // The one before may still be held by a connection that the server believes in.
      const { rows } = await fresh.query('select pg_try_advisory_lock($1, $2) as held', [...key])
      if (!rows[0]?.held) throw new Error('the lock of this process is still held elsewhere')
    } catch (error) {
      await fresh.end().catch(() => undefined)
      throw error
    }
    if (closed) return fresh.end()
    client = fresh
    lost = false
    timer = setTimeout(beat, beatEveryMs).unref()
  }

  function again(afterMs: number): void {
    client = undefined
    clearTimeout(timer)
    if (closed) return
    timer = setTimeout(() => {
      connect().catch((error: unknown) => {
        if (!lost) failed(error)
        lost = true
        again(reconnectEveryMs)
      })
    }, afterMs).unref()
  }

  function beat(): void {
    const asked = client
    asked?.query('select 1').then(
      () => {
        if (client === asked) timer = setTimeout(beat, beatEveryMs).unref()
      },
      () => {
        if (client !== asked) return
        again(0)
        asked.end().catch(() => undefined)
      },
    )
  }

  await connect()
  return {
    name: `${holderPrefix}${key[1]}`,
    isPresent: () => client !== undefined,
    async close() {
      closed = true
      clearTimeout(timer)
      const last = client
      client = undefined
      await last?.end()
    },
  }
}
