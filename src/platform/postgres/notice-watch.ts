import type pg from 'pg'

export type NoticeWatch = {
  listen(notice: string, listener: () => void): void
  /** Receives the notices of a new connection. */
  attach(client: pg.PoolClient): void
  /** Watches a statement that is under way; `result` is what the driver returned. */
  watch(client: pg.PoolClient, result: unknown): void
}

/**
 * Reports the notices that the database raises (`raise info`) once the transaction that raised them
 * has ended. May report one whose transaction was rolled back. A notice is a message on the
 * connection of its statement: it costs no round trip, and other connections learn nothing of it.
 */
export function buildNoticeWatch(): NoticeWatch {
  const listeners = new Map<string, () => void>()
  const noticesByClient = new WeakMap<pg.PoolClient, Set<string>>()

  function report(client: pg.PoolClient): void {
    const notices = noticesByClient.get(client)
    if (!notices || client.getTransactionStatus() !== 'I') return
    noticesByClient.delete(client)
    for (const notice of notices) listeners.get(notice)?.()
  }

  return {
    listen: (notice, listener) => void listeners.set(notice, listener),
    attach(client) {
      client.on('notice', ({ message }) => {
        if (message === undefined || !listeners.has(message)) return
        const notices = noticesByClient.get(client) ?? new Set()
        noticesByClient.set(client, notices.add(message))
      })
    },
    watch(client, result) {
      if (listeners.size === 0 || !(result instanceof Promise)) return
      // Its sender gets the error.
      result.then(
        () => report(client),
        () => undefined,
      )
    },
  }
}
