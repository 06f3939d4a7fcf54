import type { ChallengeId, IntegrationId, ShownNumberId, TenantId, UserId } from '../domain/ids.ts'

/** A number as stored until its question is asked. */
export type StoredShownNumber = {
  readonly tenantId: TenantId
  readonly integrationId: IntegrationId
  readonly id: ShownNumberId
  readonly userId: UserId
  /** Keyed hash of the person's place, as the client reports it. */
  readonly place: Uint8Array
  readonly numberSealed: Uint8Array
}

/**
 * Which numbers to consume: the one that the client names, or all that one person was shown at one
 * place.
 */
export type NumberSearch = Pick<StoredShownNumber, 'tenantId' | 'integrationId' | 'userId'> &
  ({ readonly id: ShownNumberId } | { readonly place: Uint8Array })

export type ConsumedNumber = Pick<StoredShownNumber, 'id' | 'numberSealed'> & {
  /** False when it had expired. */
  readonly live: boolean
}

/** What clients of doors store with us between two calls; any process may answer the second. */
export interface DoorStore {
  /**
   * Stores a number for this long; returns its end. Deletes some expired ones. Null, and nothing
   * stored, while the same place has one that was stored within the pause; concurrent calls may
   * both store one, and neither counts then.
   */
  saveNumber(
    number: StoredShownNumber,
    seconds: number,
    pauseSeconds?: number,
  ): Promise<Date | null>
  /**
   * Consumes all that match, permanently: of any number of concurrent calls, exactly one gets each.
   */
  consumeNumbers(search: NumberSearch): Promise<ConsumedNumber[]>
  /** Lets a client follow a challenge. */
  follow(question: {
    readonly tenantId: TenantId
    readonly integrationId: IntegrationId
    readonly challengeId: ChallengeId
    readonly holdMs: number
  }): Promise<void>
  /**
   * Counts one more answer about a challenge; null when the integration follows no such challenge.
   */
  countAnswer(
    tenantId: TenantId,
    integrationId: IntegrationId,
    challengeId: ChallengeId,
  ): Promise<{ readonly answers: number; readonly holdMs: number } | null>
}
