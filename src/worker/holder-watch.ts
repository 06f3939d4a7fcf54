// Finds processes that are gone, so that what they had taken on is done by others at once.

import type { LeaseStore } from '../ports/lease-store.ts'
import type { Outages } from './sweep-schedule.ts'

export type HolderWatch = {
  /** Something happened: there may be new processes. */
  poke(): void
  stop(): Promise<void>
}

export type HolderWatchOptions = {
  readonly leases: LeaseStore
  readonly outages: Outages
  /** Told when something is free that was not. */
  readonly freed: () => void
  readonly nowMs?: () => number
}

const everyMs = 400
/** Nobody else is there: who comes says so. */
const aloneEveryMs = 5_000
/** Whoever is missed is looked for once more before it counts as gone: a connection may be lost for a moment. */
const againMs = 150
const afterFailureMs = 1_000
/** After an outage of the database everybody comes back in turn. */
const graceMs = 3_000

const watched = 'lease holders'

/** Looks who lives, several times a second where there are others; leases of one that is gone are freed within a second. */
export function watchHolders(options: HolderWatchOptions): HolderWatch {
  const { leases, outages, freed, nowMs = () => performance.now() } = options
  let known = new Set<string>()
  let missed = new Set<string>()
  // Those before us may have left something.
  let free = true
  let trustAt = nowMs() + againMs
  let looking: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let isSlow = false
  let stopped = false

  /** Looks once; returns when to look again. */
  async function look(): Promise<number> {
    const present = new Set(await leases.holders())
    const gone = [...known].filter((name) => !present.has(name))
    const isSure = nowMs() >= trustAt && gone.every((name) => missed.has(name))
    if (!isSure) {
      missed = new Set(gone)
      for (const name of present) known.add(name)
      return againMs
    }
    if (free || gone.length > 0) {
      if ((await leases.freeAbandoned()) > 0) freed()
      free = false
    }
    known = present
    missed = new Set()
    return present.size > 1 ? everyMs : aloneEveryMs
  }

  async function turn(): Promise<number> {
    try {
      const nextMs = await look()
      outages.worked(watched)
      return nextMs
    } catch (error) {
      outages.failed(watched, error)
      trustAt = nowMs() + graceMs
      free = true
      missed = new Set()
      return afterFailureMs
    }
  }

  function turnIn(ms: number): void {
    if (stopped) return
    isSlow = ms === aloneEveryMs
    timer = setTimeout(() => {
      looking = turn().then((nextMs) => {
        looking = undefined
        turnIn(nextMs)
      })
    }, ms)
  }

  turnIn(againMs)
  return {
    poke() {
      if (!isSlow || looking || stopped) return
      clearTimeout(timer)
      turnIn(everyMs)
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await looking
    },
  }
}
