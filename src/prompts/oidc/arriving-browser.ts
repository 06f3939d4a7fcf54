import type { Integration } from '../../domain/integration.ts'
import type { Refusal } from '../../domain/refusal.ts'

/** Its queue is full, or it has waited for too long: nothing was begun. */
export type TooMany = Refusal<'too_many_requests'>

/** The browser that brings a request, and the queues in which it is served. */
export type ArrivingBrowser = {
  /** Runs what reads and writes, in the queue of its network. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T | TooMany>
  /**
   * Verifies a hint, whose keys may have to be fetched, in a queue of the integration: nobody else
   * waits for Microsoft.
   */
  readonly inHintTurn: <T>(client: Integration, work: () => Promise<T>) => Promise<T | TooMany>
  /** The language of its pages; `tags` are those that the client asks for. */
  readonly language: (tags: readonly string[]) => string
  /** Whether its network may open another prompt by a request that nobody signed. */
  readonly mayOpenUnsigned: () => boolean
}
