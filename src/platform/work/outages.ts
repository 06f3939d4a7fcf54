/** Receives the outcome of each run; the scan for due work counts as a sweep of its own. */
export type Outages = {
  recordFailure(sweep: string, error: unknown): void
  recordSuccess(sweep: string): void
}
