import { randomBytes } from 'node:crypto'
import type { Signals, Watch } from '../signals.ts'

/** Publishes signalled keys to the other processes and receives theirs. May lose any of them. */
export interface SignalCarrier {
  /** Starts receiving other processes' keys; `onGap` reports that some may have been missed. */
  start(onKey: (key: string) => void, onGap: () => void): Promise<void>
  send(keys: readonly string[]): Promise<void>
  close(): Promise<void>
}

export type SignalHub = Signals & {
  /** Subscribes to every key, from this process and others. */
  listen(listener: (key: string) => void): void
  close(): Promise<void>
}

/** Whether other processes exist, as far as this one knows. */
export type OtherProcesses = {
  /** True only where there is certainly nobody to signal to. */
  isAlone(): boolean
  /** Another process has signalled. */
  noticeOthers(): void
}

const batchEveryMs = 5
/** The first key of what a hub sends: which hub it was. */
const senderPrefix = 'by:'

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

/**
 * Signals of one process, connected to the others by a carrier (null: there is only this process).
 * A process that is alone sends nothing. Each one sends its name when it starts, so that another
 * that was alone until then learns of it.
 */
export async function buildSignalHub(
  carrier: SignalCarrier | null,
  onFailure: (error: unknown) => void,
  others?: OtherProcesses,
): Promise<SignalHub> {
  const sender = `${senderPrefix}${randomBytes(9).toString('base64url')}`
  const watchesByKey = new Map<string, Set<Watching>>()
  const listeners: ((key: string) => void)[] = []
  let unsent = new Set<string>()
  let sending: Promise<void> | undefined
  let isStopped = false

  function wake(key: string): void {
    for (const watch of watchesByKey.get(key) ?? []) watch.signal()
    for (const listener of listeners) listener(key)
  }

  function receive(key: string): void {
    if (!key.startsWith(senderPrefix)) wake(key)
    else if (key !== sender) others?.noticeOthers()
  }

  function wakeAll(): void {
    for (const watches of watchesByKey.values()) for (const watch of watches) watch.signal()
  }

  async function sendBatches(to: SignalCarrier): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, batchEveryMs))
    do {
      const keys = [...unsent]
      unsent = new Set()
      await to.send([sender, ...keys]).catch(onFailure)
    } while (unsent.size > 0)
  }

  function sendToOthers(): void {
    if (!carrier || sending || others?.isAlone()) return
    sending = sendBatches(carrier).then(() => {
      sending = undefined
    })
  }

  await carrier?.start(receive, wakeAll)
  sendToOthers()

  return {
    publish(key) {
      wake(key)
      if (!carrier || others?.isAlone()) return
      unsent.add(key)
      sendToOthers()
    },
    watch(...keys) {
      const leave = (key: string) => {
        const watches = watchesByKey.get(key)
        watches?.delete(watch)
        if (watches?.size === 0) watchesByKey.delete(key)
      }
      const watch: Watching = new Watching(
        () => isStopped,
        () => keys.forEach(leave),
      )
      for (const key of keys) watchesByKey.set(key, (watchesByKey.get(key) ?? new Set()).add(watch))
      return watch
    },
    isWatched: (key) => watchesByKey.has(key),
    watchCount: (key) => watchesByKey.get(key)?.size ?? 0,
    stop() {
      isStopped = true
      wakeAll()
    },
    get isStopped() {
      return isStopped
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
