import type { Signals } from '../ports/signals.ts'

/** Says that something was written that a worker may have to do something about. */
export const workSignal = 'work'

/** As often as a worker looks, and no oftener. */
const everyMs = 250

/** Tells workers in other processes that something was written here: at once, then at most four times a second. */
export function createWorkSignal(signals: Pick<Signals, 'publish'>): {
  wrote(): void
  stop(): void
} {
  let timer: NodeJS.Timeout | undefined
  let again = false

  function tell(): void {
    again = false
    signals.publish(workSignal)
    timer = setTimeout(() => {
      timer = undefined
      if (again) tell()
    }, everyMs).unref()
  }

  return {
    wrote() {
      if (timer) again = true
      else tell()
    },
    stop() {
      clearTimeout(timer)
      if (again) signals.publish(workSignal)
      again = false
    },
  }
}
