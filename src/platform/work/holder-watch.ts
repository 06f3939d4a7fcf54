// Detects processes that are gone, so that others take over their leases immediately.

import type { LeaseStore } from './lease.store.ts'
import type { Outages } from './outages.ts'

export type HolderWatch = {
  /** Something happened: there may be new processes. */
  poke(): void
  stop(): Promise<void>
}

export type HolderWatchOptions = {
  readonly leases: LeaseStore
  readonly outages: Outages
  /**
   * Called when leases have become free, and when a process is gone: it may have left work that
   * nobody has leased.
   */
  readonly onFreed: () => void
  readonly nowMs?: () => number
}

const everyMs = 400
/** No other process exists: a new one announces itself. */
const aloneEveryMs = 5_000
/**
 * A missing process is checked once more before it counts as gone: a connection may be lost for a
 * moment.
 */
const againMs = 150
const afterFailureMs = 1_000
/** After an outage of the database all processes reconnect one after another. */
const graceMs = 3_000

const sweepName = 'lease holders'

/**
 * Checks the liveness of processes, several times a second if there are others; leases of one that
 * is gone are freed within a second.
 */
export function watchHolders(options: HolderWatchOptions): HolderWatch {
  const { leases, outages, onFreed, nowMs = () => performance.now() } = options
  let knownNames = new Set<string>()
  let missedNames = new Set<string>()
  // Former processes may have left leases.
  let free = true
  let trustAt = nowMs() + againMs
  let polling: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let isSlow = false
  let isStopped = false

  /** Polls once; returns when to poll again. */
  async function poll(): Promise<number> {
    const present = new Set(await leases.holders())
    const goneNames = [...knownNames].filter((name) => !present.has(name))
    const isSure = nowMs() >= trustAt && goneNames.every((name) => missedNames.has(name))
    if (!isSure) {
      missedNames = new Set(goneNames)
      for (const name of present) knownNames.add(name)
      return againMs
    }
    if (free || goneNames.length > 0) {
      if ((await leases.freeAbandoned()) > 0 || goneNames.length > 0) onFreed()
      free = false
    }
    knownNames = present
    missedNames = new Set()
    return present.size > 1 ? everyMs : aloneEveryMs
  }

  async function runOnce(): Promise<number> {
    try {
      const nextMs = await poll()
      outages.recordSuccess(sweepName)
      return nextMs
    } catch (error) {
      outages.recordFailure(sweepName, error)
      trustAt = nowMs() + graceMs
      free = true
      missedNames = new Set()
      return afterFailureMs
    }
  }

  function runIn(ms: number): void {
    if (isStopped) return
    isSlow = ms === aloneEveryMs
    timer = setTimeout(() => {
      polling = runOnce().then((nextMs) => {
        polling = undefined
        runIn(nextMs)
      })
    }, ms)
  }

  runIn(againMs)
  return {
    poke() {
      if (!isSlow || polling || isStopped) return
      clearTimeout(timer)
      runIn(everyMs)
    },
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await polling
    },
  }
}
