import type { Challenge } from '../../domain/challenge.ts'
import type { ChallengeId, TenantId } from '../../domain/ids.ts'
import type { Integration } from '../../domain/integration.ts'

/** The call back to a realm that must be made once a challenge has ended. */
export type NewCallback = {
  readonly tenantId: TenantId
  readonly challengeId: ChallengeId
  readonly integrationId: Integration['id']
  readonly issuer: string
  readonly tokenSealed: Uint8Array
  readonly delayMs: number
}

/** A callback that this process alone must make now. */
export type DueCallback = Pick<
  NewCallback,
  'tenantId' | 'challengeId' | 'issuer' | 'tokenSealed'
> & {
  readonly challenge: Pick<Challenge, 'status' | 'reason'>
  readonly integration: Pick<Integration, 'id' | 'status' | 'settings'>
  readonly firstTriedAt: Date
  readonly now: Date
}

/** Callbacks to one realm for one tenant that are in flight in this process. */
export type RealmLoad = Pick<NewCallback, 'tenantId' | 'issuer'> & { readonly inFlight: number }

/** How many callbacks may be taken, in addition to those in flight. */
export type CallbackSlots = {
  readonly limit: number
  /** In flight for one tenant at most. */
  readonly perTenant: number
  /** In flight to one realm of a tenant at most. */
  readonly perRealm: number
  readonly loads: readonly RealmLoad[]
  /** The process that tries; if it dies, they are lost. */
  readonly triedBy: string
}

export interface KeycloakCallbackStore {
  /** Queues a callback; one for each challenge, however often the question is repeated. */
  enqueue(callback: NewCallback): Promise<void>
  /**
   * Takes callbacks of ended challenges, as many as there are slots, and records the attempt before
   * it is made: one that is lost after that may have been processed, and is never retried. Fair
   * queue: those with the fewest in flight come first.
   */
  take(places: CallbackSlots): Promise<DueCallback[]>
  /** Schedules another attempt after a delay. */
  postpone(callback: Pick<DueCallback, 'tenantId' | 'challengeId'>, afterMs: number): Promise<void>
  /** Ends it, and deletes the token; `reason` is null when the realm accepted it. */
  settle(
    callback: Pick<DueCallback, 'tenantId' | 'challengeId'>,
    reason: string | null,
  ): Promise<void>
  /** Ends those whose process died during the attempt; returns how many. */
  giveUpLost(): Promise<number>
}
