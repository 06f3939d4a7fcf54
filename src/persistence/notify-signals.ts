import { SessionClient } from './session-settings.ts'

/** Longest NOTIFY payload is 8000 bytes (PostgreSQL manual, NOTIFY). */
const payloadLengthMax = 7_900
const reconnectEveryMs = 500

/** A channel is of the whole database: installations in other schemas have their own. */
export const channelOf = (schema: string) =>
  schema === 'public' ? 'countersign_signals' : `countersign_signals_${schema}`

type Received = (key: string) => void

/**
 * Carries signals between processes by LISTEN and NOTIFY, on a connection of its own that comes back by itself; after each
 * return everyone is asked to look again. Sends go through the pool, many keys at a time.
 */
export function createNotifySignals(
  { url, schema = 'public' }: { readonly url: string; readonly schema?: string },
  notify: (payload: string) => Promise<unknown>,
  failed: (error: unknown) => void,
  works: () => void = () => undefined,
) {
  let client: SessionClient | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false

  async function listen(received: Received, lookAgain: () => void): Promise<void> {
    const fresh = new SessionClient({
      connectionString: url,
      application_name: 'countersign-signals',
      connectionTimeoutMillis: 2_000,
      keepAlive: true,
      schema,
    })
    fresh.on('error', failed)
    fresh.on('end', () => again(received, lookAgain))
    fresh.on('notification', ({ payload }) => {
      for (const key of (payload ?? '').split(' ')) received(key)
    })
    try {
      await fresh.connect()
      await fresh.query(`listen "${channelOf(schema)}"`)
      if (closed) return await fresh.end()
      client = fresh
      works()
      lookAgain()
    } catch (error) {
      failed(error)
      await fresh.end().catch(() => undefined)
      again(received, lookAgain)
    }
  }

  function again(received: Received, lookAgain: () => void): void {
    client = undefined
    if (closed || timer) return
    timer = setTimeout(() => {
      timer = undefined
      void listen(received, lookAgain)
    }, reconnectEveryMs)
  }

  return {
    start: listen,
    async send(keys: readonly string[]): Promise<void> {
      let payload = ''
      for (const key of keys) {
        if (payload !== '' && payload.length + key.length + 1 > payloadLengthMax) {
          await notify(payload)
          payload = ''
        }
        payload = payload === '' ? key : `${payload} ${key}`
      }
      if (payload !== '') await notify(payload)
    },
    async close(): Promise<void> {
      closed = true
      clearTimeout(timer)
      await client?.end()
    },
  }
}

/** The statement that `notify` runs, with the channel and the payload. */
export const notifyStatement = 'select pg_notify($1, $2)'
