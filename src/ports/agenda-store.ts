/** What the worker has to do, by kind. */
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

/** In how many milliseconds the next of a kind is due, at or below zero when it is already; null when there is none. */
export type Agenda = Readonly<Record<Matter, number | null>>

export interface AgendaStore {
  /** Everything that is owed, by when, in one cheap statement. Early rather than late: what is due may turn out not to be. */
  look(): Promise<Agenda>
}
