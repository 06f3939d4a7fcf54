/** One reader's watch over a key. Open it before reading the truth, so that a change between reading and waiting is not missed. */
export interface Watch {
  /** Resolves when the key was signalled since the last call, after `timeoutMs`, or when the process stops; never rejects. */
  next(timeoutMs: number): Promise<void>
  close(): void
}

/**
 * "Look again", between waiting requests of all processes. A signal may be lost and never carries a fact: whoever is woken
 * reads the truth, and whoever waits reads again now and then.
 */
export interface Signals {
  /** Never throws and never waits for the network. */
  publish(key: string): void
  /** One watch over all of these keys. */
  watch(...keys: readonly string[]): Watch
  /** Wakes everyone and makes every later wait end at once. */
  stop(): void
  /** True once `stop` was called. */
  readonly stopped: boolean
}
