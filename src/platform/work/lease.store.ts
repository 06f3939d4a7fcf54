export interface LeaseStore {
  /** Names of the live processes of this installation. */
  holders(): Promise<string[]>
  /**
   * Frees the leases of processes that are gone: pushes and webhooks may be claimed immediately,
   * callbacks that were being tried are settled as lost. Returns how many.
   */
  freeAbandoned(): Promise<number>
}
