import { SessionClient } from './session-settings.ts'

/** Longest NOTIFY payload is 8000 bytes (PostgreSQL manual, NOTIFY). */
const payloadLengthMax = 7_900
const reconnectEveryMs = 500

/** A channel belongs to the whole database: installations in other schemas have their own. */
export const channelOf = (schema: string) =>
  schema === 'public' ? 'countersign_signals' : `countersign_signals_${schema}`

type SignalListener = (key: string) => void

/**
 * Carries signals between processes by LISTEN and NOTIFY, on a connection of its own that
 * reconnects by itself; after each reconnect all subscribers are asked to re-read. Sends go through
 * the pool, many keys at a time.
 */
export function buildNotifySignals(
  { url, schema = 'public' }: { readonly url: string; readonly schema?: string },
  notify: (payload: string) => Promise<unknown>,
  onFailure: (error: unknown) => void,
  onReady: () => void = () => undefined,
) {
  let client: SessionClient | undefined
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  async function listen(onSignal: SignalListener, recheck: () => void): Promise<void> {
    const fresh = new SessionClient({
      connectionString: url,
      application_name: 'countersign-signals',
      connectionTimeoutMillis: 2_000,
      keepAlive: true,
      schema,
    })
    fresh.on('error', onFailure)
    fresh.on('end', () => reconnect(onSignal, recheck))
    fresh.on('notification', ({ payload }) => {
      for (const key of (payload ?? '').split(' ')) onSignal(key)
    })
    try {
      await fresh.connect()
      await fresh.query(`listen "${channelOf(schema)}"`)
      if (isClosed) return await fresh.end()
      client = fresh
      onReady()
      recheck()
    } catch (error) {
      onFailure(error)
      await fresh.end().catch(() => undefined)
      reconnect(onSignal, recheck)
    }
  }

  function reconnect(onSignal: SignalListener, recheck: () => void): void {
    client = undefined
    if (isClosed || timer) return
    timer = setTimeout(() => {
      timer = undefined
      void listen(onSignal, recheck)
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
      isClosed = true
      clearTimeout(timer)
      await client?.end()
    },
  }
}

/** The statement that `notify` runs, with the channel and the payload. */
export const notifyStatement = 'select pg_notify($1, $2)'
