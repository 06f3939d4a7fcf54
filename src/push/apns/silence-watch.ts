export type SilenceWatch = {
  /** The peer answered. */
  noteReply(): void
  /** A request that began at `beganAt` (`performance.now()`) timed out. */
  noteTimeout(beganAt: number): void
}

/**
 * Detects a peer that is gone while its connection still looks healthy: two requests in a row
 * without an answer, and no answer to any other since the first of them began. Then it calls `cure`
 * and starts over. A request that was on the wire for less than `minWaitMs` proves nothing.
 */
export function buildSilenceWatch(minWaitMs: number, cure: () => void): SilenceWatch {
  let lastHeardAt = Number.NEGATIVE_INFINITY
  let unansweredCount = 0
  return {
    noteReply: () => {
      lastHeardAt = performance.now()
      unansweredCount = 0
    },
    noteTimeout: (beganAt) => {
      if (performance.now() - beganAt < minWaitMs || beganAt <= lastHeardAt) return
      unansweredCount += 1
      if (unansweredCount < 2) return
      unansweredCount = 0
      cure()
    },
  }
}
