import type { Signals } from '../platform/signals.ts'

/** Signals that something was written that may be work for a worker. */
export const workSignal = 'work'

/** As often as a worker scans, and no more often. */
const everyMs = 250

/**
 * Signals to workers in other processes that something was written here: immediately, then at most
 * four times a second.
 */
export function buildWorkSignal(signals: Pick<Signals, 'publish'>): {
  onWrite(): void
  stop(): void
} {
  let timer: NodeJS.Timeout | undefined
  let again = false

  function publish(): void {
    again = false
    signals.publish(workSignal)
    timer = setTimeout(() => {
      timer = undefined
      if (again) publish()
    }, everyMs).unref()
  }

  return {
    onWrite() {
      if (timer) again = true
      else publish()
    },
    stop() {
      clearTimeout(timer)
      if (again) signals.publish(workSignal)
      again = false
    },
  }
}
