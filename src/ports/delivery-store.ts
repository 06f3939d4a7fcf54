import type { DeliveryId, TenantId } from '../domain/ids.ts'
import type { DuePush } from './challenge-store.ts'
import type { PushAddress } from './push.ts'

/** How a delivery stands after a try. Settling counts only while the lease is still held. */
export type Settlement = {
  readonly tenantId: TenantId
  readonly id: DeliveryId
  readonly outcome:
    | { readonly status: 'sent'; readonly providerMessageId: string }
    | { readonly status: 'queued'; readonly reason: string; readonly retryAfterMs: number }
    | { readonly status: 'failed' | 'suppressed'; readonly reason: string }
}

/** What is pushed through one connection: one that is slow keeps only its own waiting. */
export type PushLane = Pick<PushAddress, 'provider' | 'environment' | 'appId'>

/** The queue of owed pushes: the rows that record the debt. */
export interface DeliveryStore {
  /** Leases due pushes that nobody holds and whose challenge still wants them (`for update skip locked`). */
  /** Those for apps of `full` are passed by. */
  claim(leasedBy: string, limit: number, full?: readonly PushLane[]): Promise<DuePush[]>
  /** `leasedBy` is the holder's name, whether it was seen when it leased or not. */
  settle(leasedBy: string, settlements: readonly Settlement[]): Promise<void>
  /** Settles queued pushes that nobody will send any more, because their challenge ended; returns how many. */
  suppressEnded(limit: number): Promise<number>
}

/** Rows that have done their duty. */
export interface Housekeeping {
  /** Deletes spent proofs whose time window has passed; returns how many. */
  purgeProofs(limit: number): Promise<number>
}

/** Sends pushes that this process owes and has leased. */
export interface Dispatcher {
  /** The name under which this process leases deliveries at this moment. */
  readonly leaseHolder: string
  /** Takes pushes whose rows are committed and sends them at once; never throws, never waits. */
  dispatch(pushes: readonly DuePush[]): void
}
