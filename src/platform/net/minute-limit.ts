// How often something may happen in a minute, counted in the memory of this process.

export type MinuteLimit = {
  /** Counts one more of this key; false, uncounted, where it has had its share of the minute. */
  take(key: string): boolean
}

const minuteMs = 60_000

/**
 * A share for each key, from a minute's begin to its end; what was counted in the minute before is
 * forgotten at once, so that no number of keys stays in memory.
 */
export function buildMinuteLimit(perMinute: number, nowMs: () => number): MinuteLimit {
  const counts = new Map<string, number>()
  let minute = 0

  return {
    take(key) {
      const current = Math.floor(nowMs() / minuteMs)
      if (current !== minute) counts.clear()
      minute = current
      const count = counts.get(key) ?? 0
      if (count >= perMinute) return false
      counts.set(key, count + 1)
      return true
    },
  }
}
