// Challenges that this process has created and that nothing has been signalled about since: they
// are pending, so that a wait for one need not read it first.

import type { Challenge } from '../../domain/challenge.ts'
import type { ChallengeId, RelyingPartyId, TenantId } from '../../domain/ids.ts'

export type OwnChallenges = {
  /** Remembers a challenge that was just created. */
  add(challenge: Challenge): void
  /** Forgets it: something has happened to it. */
  forget(id: string): void
  /**
   * For how much longer it is pending unless something happens to it; null when only the database
   * knows, also for a challenge of another relying party.
   */
  pendingMs(challenge: {
    readonly tenantId: TenantId
    readonly rpId: RelyingPartyId
    readonly id: ChallengeId
  }): number | null
}

const rememberedMax = 10_000

/**
 * The memory of one process. A caller that relies on it watches the challenge, and reads it after a
 * second at the latest: a signal may be lost.
 */
export function buildOwnChallenges(nowMs: () => number): OwnChallenges {
  const untilById = new Map<string, { readonly party: string; readonly untilMs: number }>()
  const partyOf = (one: { readonly tenantId: TenantId; readonly rpId: RelyingPartyId }) =>
    `${one.tenantId} ${one.rpId}`
  return {
    add(challenge) {
      const { id, createdAt, expiresAt } = challenge
      const untilMs = nowMs() + expiresAt.getTime() - createdAt.getTime()
      untilById.set(id, { party: partyOf(challenge), untilMs })
      if (untilById.size <= rememberedMax) return
      const [oldest] = untilById.keys()
      if (oldest !== undefined) untilById.delete(oldest)
    },
    forget(id) {
      untilById.delete(id)
    },
    pendingMs(challenge) {
      const own = untilById.get(challenge.id)
      if (own === undefined || own.party !== partyOf(challenge)) return null
      const leftMs = own.untilMs - nowMs()
      return leftMs > 0 ? leftMs : null
    },
  }
}
