// The connections of a pool, of which no tenant takes so many that others find none.

import { isRefusal } from '../../domain/refusal.ts'
import { buildFairQueue } from '../net/bounded-fair-queue.ts'

/** Statements that wait for a connection, of all tenants and of one; docs/limits.md lists them. */
export const connectionQueueLimits = { waiting: 4_096, waitingInLine: 1_024 } as const

/**
 * Too many wait for a connection, or this has waited for too long: as when the database has no
 * capacity (SQLSTATE class 53), the same request is worth retrying.
 */
class ConnectionsBusy extends Error {
  readonly code = '53300'

  constructor() {
    super('too many statements wait for a connection to the database')
  }
}

export type ConnectionShares = {
  /**
   * Resolves when it is the owner's turn for a connection, with what gives the turn back. Owners
   * are served round-robin, and none takes more connections than are then left free.
   */
  take(owner: string): Promise<() => void>
  /** Those that wait for their turn now. */
  waiting(): number
}

export function buildConnectionShares(connections: number, waitMs: number): ConnectionShares {
  const queue = buildFairQueue({
    running: connections,
    runningInLine: connections,
    ...connectionQueueLimits,
    waitMs,
    refusalMs: 0,
    refusals: 0,
  })
  let waiting = 0
  return {
    async take(owner) {
      waiting++
      try {
        return await new Promise<() => void>((resolve, reject) => {
          const turn = () => new Promise<void>((giveBack) => resolve(giveBack))
          queue.run(owner, turn, { holder: owner }).then((end) => {
            if (isRefusal(end)) reject(new ConnectionsBusy())
          }, reject)
        })
      } finally {
        waiting--
      }
    },
    waiting: () => waiting,
  }
}
