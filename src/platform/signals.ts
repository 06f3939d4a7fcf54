/**
 * One reader's watch over a key. Open it before reading the state, so that a change between reading
 * and waiting is not missed.
 */
export interface Watch {
  /**
   * Resolves when the key was signalled since the last call, after `timeoutMs`, or when the process
   * stops; never rejects.
   */
  next(timeoutMs: number): Promise<void>
  close(): void
}

/**
 * "Read again", between waiting requests of all processes. A signal may be lost and never carries a
 * fact: a woken reader reads the state, and a waiting one polls it now and then.
 */
export interface Signals {
  /** Never throws and never waits for the network. */
  publish(key: string): void
  /** One watch over all of these keys. */
  watch(...keys: readonly string[]): Watch
  /** True while somebody in this process watches the key. */
  isWatched(key: string): boolean
  /** How many watches in this process are over the key. */
  watchCount(key: string): number
  /** Wakes everyone and makes every later wait end immediately. */
  stop(): void
  /** True once `stop` was called. */
  readonly isStopped: boolean
}
