/** The worker's kinds of due work. */
export type Matter =
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
export type Agenda = Readonly<Record<Matter, number | null>>

export interface AgendaStore {
  /**
   * When the next work of each kind is due, in one cheap statement. Early rather than late: work
   * that is due may turn out not to be.
   */
  look(): Promise<Agenda>
}
