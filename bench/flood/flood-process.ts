import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { Flooding, FloodPlan, FloodResult } from './flooding.ts'
import type { FloodOrder } from './main.ts'

const entry = path.join(import.meta.dirname, 'main.ts')

/** Starts floods, one at a time, in a process of their own. */
export type FloodProcess = AsyncDisposable & { start(plan: FloodPlan): Flooding }

/** Detached: Ctrl-C goes to the whole terminal group, and this process handles it. */
export function openFloodProcess(): FloodProcess {
  const child = fork(entry, { detached: true })
  const exit = once(child, 'exit')
  const send = (order: FloodOrder) => child.send(order)
  return {
    start(plan) {
      send(plan)
      return {
        async stop() {
          const result = once(child, 'message') as Promise<[FloodResult]>
          send('stop')
          const message = await Promise.race([result, exit.then(() => null)])
          if (!message) throw new Error('the flood has ended by itself')
          return message[0]
        },
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect()
      await exit
    },
  }
}
