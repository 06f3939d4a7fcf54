import type { Challenge } from '../../domain/challenge.ts'
import type { ChallengeId, PortalSessionId, RelyingPartyId, TenantId } from '../../domain/ids.ts'
import type { Policy } from '../../domain/policy.ts'
import type { PortalSession } from '../../domain/portal.ts'
import type { PendingSignIn } from '../../domain/portal-sign-in.ts'

/** The relying party whose users a page lets in. */
export type EntranceParty = {
  readonly rpName: string
  readonly namespaces: readonly string[]
  readonly tenantName: string
  readonly policy: Policy
}

export interface EntranceStore {
  /** A relying party with its policy; null when there is none. */
  findEntrance(tenantId: TenantId, rpId: RelyingPartyId): Promise<EntranceParty | null>
  /** The question of a sign-in; null when nobody was asked. */
  findEntranceQuestion(
    tenantId: TenantId,
    id: ChallengeId,
  ): Promise<Pick<Challenge, 'status' | 'userId'> | null>
  /**
   * Opens a session for the approval of this question, once; of any number of attempts one gets it.
   * Null when it is not approved with the person verified, was used before, its user is suspended,
   * or its device has ended, is suspended or too young.
   */
  openByApproval(
    pending: Pick<PendingSignIn, 'tenantId' | 'rpId' | 'challengeId'>,
    userId: Challenge['userId'],
    session: {
      readonly id: PortalSessionId
      readonly hash: Uint8Array
      /** Of a secret that nobody gets: no link opens it. */
      readonly linkHash: Uint8Array
      readonly seconds: number
    },
  ): Promise<PortalSession | null>
}
