import type { FairQueueLimits } from '../../../src/platform/net/bounded-fair-queue.ts'

export const limits: FairQueueLimits = {
  running: 2,
  runningInLine: 1,
  waiting: 6,
  waitingInLine: 4,
  waitMs: 60_000,
  refusalMs: 0,
  refusals: 0,
}
export const refusal = { refused: 'too_many_requests', retryAfterSeconds: 1 }

/** Work that runs until it is finished, and records the order of starts. */
export function workshop() {
  const startOrder: string[] = []
  const finish = new Map<string, () => void>()
  return {
    startOrder,
    work: (name: string) => () =>
      new Promise<string>((resolve) => {
        startOrder.push(name)
        finish.set(name, () => resolve(name))
      }),
    async finish(name: string) {
      finish.get(name)?.()
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

/** What a work has come to so far, 'none yet' while it waits or runs. */
export function outcomeNow(result: Promise<unknown> | undefined): Promise<unknown> {
  return Promise.race([result, new Promise((resolve) => setImmediate(resolve, 'none yet'))])
}
