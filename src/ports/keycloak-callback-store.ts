import type { Challenge } from '../domain/challenge.ts'
import type { ChallengeId, TenantId } from '../domain/ids.ts'
import type { Integration } from '../domain/integration.ts'

/** The call back to a realm that is owed once a challenge has ended. */
export type NewCallback = {
  readonly tenantId: TenantId
  readonly challengeId: ChallengeId
  readonly integrationId: Integration['id']
  readonly issuer: string
  readonly tokenSealed: Uint8Array
  readonly delayMs: number
}

/** One that is to be made now, by nobody else. */
export type DueCallback = Pick<
  NewCallback,
  'tenantId' | 'challengeId' | 'issuer' | 'tokenSealed'
> & {
  readonly challenge: Pick<Challenge, 'status' | 'reason'>
  readonly integration: Pick<Integration, 'id' | 'status' | 'settings'>
  readonly firstTriedAt: Date
  readonly now: Date
}

/** Callbacks to one realm for one tenant that are under way in this process. */
export type RealmLoad = Pick<NewCallback, 'tenantId' | 'issuer'> & { readonly inFlight: number }

/** How many callbacks may be taken, beside those that are under way. */
export type CallbackPlaces = {
  readonly limit: number
  /** Under way for one tenant at most. */
  readonly perTenant: number
  /** Under way to one realm of a tenant at most. */
  readonly perRealm: number
  readonly loads: readonly RealmLoad[]
  /** Who tries; when that process is gone they are lost. */
  readonly triedBy: string
}

export interface KeycloakCallbackStore {
  /** Owes a callback; one for each challenge, whatever is asked again. */
  owe(callback: NewCallback): Promise<void>
  /**
   * Takes callbacks of ended challenges, as many as there are places, and writes down that they are being tried before anybody tries:
   * what is lost from then on may have been processed, and is never tried again. Who has the fewest under way comes first.
   */
  take(places: CallbackPlaces): Promise<DueCallback[]>
  /** Lets it be tried again after a while. */
  postpone(callback: Pick<DueCallback, 'tenantId' | 'challengeId'>, afterMs: number): Promise<void>
  /** Ends it, and forgets the token; `reason` is null when the realm took it. */
  settle(
    callback: Pick<DueCallback, 'tenantId' | 'challengeId'>,
    reason: string | null,
  ): Promise<void>
  /** Ends those whose process was lost while it tried; tells how many. */
  giveUpLost(): Promise<number>
}
