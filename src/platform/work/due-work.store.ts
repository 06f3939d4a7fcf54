/** The worker's kinds of due work. */
export type WorkKind =
  | 'pushes'
  | 'queuedPushes'
  | 'callbacks'
  | 'callbacksUnderWay'
  | 'expiry'
  | 'notices'
  | 'waitingNotices'
  | 'webhooks'
  | 'staleWebhooks'
  | 'erasures'

/**
 * In how many milliseconds the next of a kind is due, zero or below when it is due already; null
 * when there is none.
 */
export type DueWork = Readonly<Record<WorkKind, number | null>>

export interface DueWorkStore {
  /**
   * When the next work of each kind is due, in one cheap statement. Early rather than late: work
   * that is due may turn out not to be.
   */
  read(): Promise<DueWork>
}
