import type { PushAddress } from '../devices/push-address.store.ts'
import type { DeliveryId, TenantId } from '../domain/ids.ts'
import type { PushFailure, PushSuppression } from '../domain/push.ts'
import type { DuePush } from './due-push.store.ts'

/** The outcome of an attempt to deliver. It counts only while the lease is still held. */
export type Settlement = {
  readonly tenantId: TenantId
  readonly id: DeliveryId
  readonly outcome:
    | { readonly status: 'sent'; readonly providerMessageId: string }
    | {
        readonly status: 'queued'
        readonly reason: string
        readonly failure?: PushFailure
        readonly retryAfterMs: number
      }
    | {
        readonly status: 'failed'
        readonly reason: string
        readonly failure?: PushFailure
      }
    | { readonly status: 'suppressed'; readonly reason: PushSuppression }
}

/** The pushes of one connection: a slow one delays only its own. */
export type PushLane = Pick<PushAddress, 'provider' | 'environment' | 'appId'>

/** The outbox of pushes. */
export interface DeliveryStore {
  /**
   * Leases due pushes that nobody has leased and whose challenge still needs them (`for update skip
   * locked`).
   */
  /** Those for apps of `full` are skipped. */
  claim(leasedBy: string, limit: number, full?: readonly PushLane[]): Promise<DuePush[]>
  /** `leasedBy` is the holder's name, under either form of it (domain/lease.ts). */
  settle(leasedBy: string, settlements: readonly Settlement[]): Promise<void>
  /**
   * Settles queued pushes that need not be sent any more, because their challenge ended; returns
   * how many.
   */
  suppressEnded(limit: number): Promise<number>
}

/** Deletes rows that are no longer needed. */
export interface Housekeeping {
  /** Deletes spent proofs whose time window has passed; returns how many. */
  purgeProofs(limit: number): Promise<number>
}

/** Sends pushes that this process has queued and leased. */
export interface Dispatcher {
  /** The name under which this process leases deliveries at this moment. */
  readonly leaseHolder: string
  /**
   * Accepts pushes whose rows are committed and sends them immediately; never throws, never waits.
   */
  dispatch(pushes: readonly DuePush[]): void
}
