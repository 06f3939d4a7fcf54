/**
 * The outcome of one piece of work; with `late`, `began` is whether it had begun at its deadline.
 */
type WindowOutcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'late'; readonly began: boolean }
  | { readonly kind: 'closed' }

export type SendWindow = {
  /**
   * Runs the work when a slot is free, first come first served, and answers after `deadlineMs` at
   * the latest: waiting counts toward it, and work that has not begun by then never begins. Rejects
   * only when the work rejects in time.
   */
  run<T>(deadlineMs: number, work: () => Promise<T>): Promise<WindowOutcome<T>>
  /** Refuses new work immediately; resolves when all admitted work has an answer. */
  drain(): Promise<void>
}

/** Work that has less time left is not begun: it would only be cut off. */
const leftMsMin = 5

/**
 * Bounded concurrency: at most `capacity` pieces of work at a time. Work that is late keeps its
 * slot until it ends, so that the number of requests on the wire is bounded even when the peer is
 * silent; but no longer than its deadline once more, because a library may lose a request and never
 * answer.
 */
export function buildSendWindow(capacity: number): SendWindow {
  const waiting = new Map<() => void, number>()
  const pending = new Set<Promise<unknown>>()
  let free = capacity
  let isClosed = false

  const startNext = (): void => {
    for (const [start, deadlineAt] of waiting) {
      if (free === 0) return
      if (deadlineAt - performance.now() < leftMsMin) continue
      waiting.delete(start)
      free -= 1
      start()
    }
  }
  const leave = (): void => {
    free += 1
    startNext()
  }

  const enter = <T>(deadlineMs: number, work: () => Promise<T>): Promise<WindowOutcome<T>> =>
    new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout
      let hasPlace = false
      const giveBack = (): void => {
        clearTimeout(timer)
        if (hasPlace) leave()
        hasPlace = false
      }
      const start = (): void => {
        hasPlace = true
        work()
          .then((value) => resolve({ kind: 'done', value }), reject)
          .finally(giveBack)
      }
      timer = setTimeout(() => {
        const began = !waiting.delete(start)
        if (began) timer = setTimeout(giveBack, deadlineMs).unref()
        resolve({ kind: 'late', began })
      }, deadlineMs)
      waiting.set(start, performance.now() + deadlineMs)
      startNext()
    })

  return {
    run: async (deadlineMs, work) => {
      if (isClosed) return { kind: 'closed' }
      const outcome = enter(deadlineMs, work)
      pending.add(outcome)
      return await outcome.finally(() => pending.delete(outcome))
    },
    drain: async () => {
      isClosed = true
      await Promise.allSettled(pending)
    },
  }
}
