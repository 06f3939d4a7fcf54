/**
 * How long and how much the server listens to one client. Times in milliseconds, sizes in bytes.
 */
export type ServerLimits = {
  /**
   * A whole request must have arrived within this time; it does not limit the time of the answer
   * (long polls).
   */
  readonly requestTimeoutMs: number
  readonly headersTimeoutMs: number
  /**
   * Node checks for late requests this often; its own 30 s would let them live six times longer
   * than the limits say.
   */
  readonly connectionsCheckingIntervalMs: number
  /**
   * An idle connection lives this long: longer than the 60 s of usual load balancers, so that they
   * close first.
   */
  readonly keepAliveTimeoutMs: number
  readonly bodyBytesMax: number
  readonly headerBytesMax: number
  /**
   * How much of the body of a request that is refused early is read and discarded, and for how
   * long.
   */
  readonly discardedBytesMax: number
  readonly discardingMs: number
  /** Requests of one connection that are processed concurrently, and that wait behind them. */
  readonly pipelinedUnderWayMax: number
  readonly pipelinedWaitingMax: number
  /** A connection is closed when its client reads nothing for this long. */
  readonly unreadMs: number
  /** An event stream sends a comment this often, so that no proxy takes it for dead. */
  readonly heartbeatMs: number
  /**
   * An event stream ends after this time; no challenge lives longer (NIST SP 800-63B-4, 3.1.3.2).
   */
  readonly streamMs: number
  /**
   * An export of a person's data must be read within this time, without long pauses: it keeps a
   * connection to the database.
   */
  readonly exportMs: number
  readonly exportIdleMs: number
}

export const defaultServerLimits: ServerLimits = {
  requestTimeoutMs: 10_000,
  headersTimeoutMs: 5_000,
  connectionsCheckingIntervalMs: 1_000,
  keepAliveTimeoutMs: 65_000,
  bodyBytesMax: 64 * 1024,
  headerBytesMax: 16 * 1024,
  // nginx lets through as many (`client_max_body_size 1m`) unless told otherwise.
  discardedBytesMax: 1024 * 1024,
  discardingMs: 5_000,
  pipelinedUnderWayMax: 8,
  pipelinedWaitingMax: 64,
  unreadMs: 10_000,
  heartbeatMs: 15_000,
  streamMs: 600_000,
  exportMs: 120_000,
  exportIdleMs: 5_000,
}
