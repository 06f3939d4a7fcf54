export interface LeaseStore {
  /** Names of the processes of this installation that are seen to live. */
  holders(): Promise<string[]>
  /**
   * Frees what is leased by processes that are gone: pushes and webhooks may be claimed at once, callbacks that were being tried are
   * settled as lost. Returns how many.
   */
  freeAbandoned(): Promise<number>
}
