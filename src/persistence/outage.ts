import { isDatabaseAway } from './database-errors.ts'

/** A pino logger, as far as it matters here. */
type OutageLog = Record<'info' | 'warn' | 'error', (facts: object, message: string) => void>

export type Outage = {
  /** A query or connection failed. What begins an outage is logged by its code and words; the rest is counted. */
  failed(error: unknown): void
  /** A query succeeded: the outage is over unless something has failed a moment ago. */
  succeeded(): void
  /** The same logger, which leaves out errors that an outage brings about; one of them can be its beginning. */
  hush<Log extends OutageLog>(log: Log): Log
}

// Some queries succeed while connections still break: one outage is not to be told as many.
const quietMs = 1_000

/** Tells of an outage of the database once when it begins and once when it is over. `nowMs` is monotonic. */
export function createOutage(
  log: OutageLog,
  nowMs: () => number = () => performance.now(),
): Outage {
  let since: number | null = null
  let lastFailedAt = 0
  let unlogged = 0

  const failed = (error: unknown) => {
    if (!isDatabaseAway(error)) return
    lastFailedAt = nowMs()
    if (since !== null) return
    since = lastFailedAt
    unlogged = 0
    const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
    const words = { ...(typeof code === 'string' && { errorCode: code }), reason: `${message}` }
    log.warn(words, 'the database is away; its errors are not logged until it is back')
  }
  const hushed = (log: OutageLog, level: 'warn' | 'error') => (facts: object, message: string) => {
    const { err } = facts as { readonly err?: unknown }
    if (!isDatabaseAway(err)) return log[level](facts, message)
    // Prisma's queries are seen here alone.
    failed(err)
    unlogged++
  }
  return {
    failed,
    succeeded() {
      if (since === null || nowMs() - lastFailedAt < quietMs) return
      const seconds = Math.round((nowMs() - since) / 1_000)
      since = null
      log.info({ seconds, unlogged }, 'the database is back')
    },
    hush: (log) =>
      Object.assign(Object.create(log), {
        warn: hushed(log, 'warn'),
        error: hushed(log, 'error'),
      }),
  }
}
