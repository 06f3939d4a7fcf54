import type { Signals, Watch } from '../ports/signals.ts'

/** Carries signalled keys to the other processes and brings theirs. May lose any of them. */
export interface SignalCarrier {
  /** Starts bringing other processes' keys; `lookAgain` tells that some may have been missed. */
  start(received: (key: string) => void, lookAgain: () => void): Promise<void>
  send(keys: readonly string[]): Promise<void>
  close(): Promise<void>
}

export type SignalHub = Signals & {
  /** Hears every key, from here and elsewhere. */
  listen(listener: (key: string) => void): void
  close(): Promise<void>
}

const batchEveryMs = 5

class Watching implements Watch {
  #signalled = false
  #wake: (() => void) | undefined
  readonly #isStopped: () => boolean
  readonly #close: () => void

  constructor(isStopped: () => boolean, close: () => void) {
    this.#isStopped = isStopped
    this.#close = close
  }

  signal(): void {
    this.#signalled = true
    this.#wake?.()
  }

  async next(timeoutMs: number): Promise<void> {
    if (!this.#signalled && !this.#isStopped()) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#wake = undefined
    }
    this.#signalled = false
  }

  close(): void {
    this.#close()
  }
}

/** Signals of one process, joined to the others by a carrier (null: this process is alone). */
export async function createSignalHub(
  carrier: SignalCarrier | null,
  failed: (error: unknown) => void,
): Promise<SignalHub> {
  const watching = new Map<string, Set<Watching>>()
  const listeners: ((key: string) => void)[] = []
  let unsent = new Set<string>()
  let sending: Promise<void> | undefined
  let stopped = false

  function wake(key: string): void {
    for (const watch of watching.get(key) ?? []) watch.signal()
    for (const listener of listeners) listener(key)
  }

  function wakeAll(): void {
    for (const watches of watching.values()) for (const watch of watches) watch.signal()
  }

  async function sendBatches(to: SignalCarrier): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, batchEveryMs))
    do {
      const keys = [...unsent]
      unsent = new Set()
      await to.send(keys).catch(failed)
    } while (unsent.size > 0)
  }

  await carrier?.start(wake, wakeAll)

  return {
    publish(key) {
      wake(key)
      if (!carrier) return
      unsent.add(key)
      sending ??= sendBatches(carrier).then(() => {
        sending = undefined
      })
    },
    watch(...keys) {
      const leave = (key: string) => {
        const watches = watching.get(key)
        watches?.delete(watch)
        if (watches?.size === 0) watching.delete(key)
      }
      const watch: Watching = new Watching(
        () => stopped,
        () => keys.forEach(leave),
      )
      for (const key of keys) watching.set(key, (watching.get(key) ?? new Set()).add(watch))
      return watch
    },
    stop() {
      stopped = true
      wakeAll()
    },
    get stopped() {
      return stopped
    },
    listen(listener) {
      listeners.push(listener)
    },
    async close() {
      await sending
      await carrier?.close()
    },
  }
}
