import type { ChallengeId, IntegrationId, ShownNumberId, TenantId, UserId } from '../domain/ids.ts'

/** A number as it is kept until its question is asked. */
export type KeptNumber = {
  readonly tenantId: TenantId
  readonly integrationId: IntegrationId
  readonly id: ShownNumberId
  readonly userId: UserId
  /** Keyed hash of where the person sits, as the client says. */
  readonly place: Uint8Array
  readonly numberSealed: Uint8Array
}

/** Which numbers to take: the one that the client names, or all that one person was shown at one place. */
export type NumberSearch = Pick<KeptNumber, 'tenantId' | 'integrationId' | 'userId'> &
  ({ readonly id: ShownNumberId } | { readonly place: Uint8Array })

export type TakenNumber = Pick<KeptNumber, 'id' | 'numberSealed'> & {
  /** False when its time was over. */
  readonly live: boolean
}

/** What clients of doors leave with us between two calls; any process may answer the second. */
export interface DoorStore {
  /** Keeps a number for so long; returns its end. Some that nobody took in time are thrown away. */
  keepNumber(number: KeptNumber, seconds: number): Promise<Date>
  /** Takes all that are found, for ever: of any number of calls at once, one gets each. */
  takeNumbers(search: NumberSearch): Promise<TakenNumber[]>
  /** Lets a client follow a challenge. */
  follow(followed: {
    readonly tenantId: TenantId
    readonly integrationId: IntegrationId
    readonly challengeId: ChallengeId
    readonly holdMs: number
  }): Promise<void>
  /** Counts one more answer about a challenge; null when the integration follows no such challenge. */
  countAnswer(
    tenantId: TenantId,
    integrationId: IntegrationId,
    challengeId: ChallengeId,
  ): Promise<{ readonly answers: number; readonly holdMs: number } | null>
}
