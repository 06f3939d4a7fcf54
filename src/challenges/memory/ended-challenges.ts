// Challenges whose end this process has committed itself, handed to those who wait for them here:
// what a commit has returned need not be read again.

import type { ChallengeId, RelyingPartyId, TenantId } from '../../domain/ids.ts'
import type { DecidedAnswer } from '../answers/answer-activities.ts'
import type { ChallengeRecord } from '../challenge.store.ts'
import type { RecordedEnd } from '../challenge-answer.store.ts'

export type EndedChallenges = {
  /** Remembers the end that a commit of this process has returned. Call it before the signal. */
  add(record: ChallengeRecord): void
  /**
   * The ended challenge, if it ended here within the last second; also null for a challenge of
   * another relying party.
   */
  find(tenantId: TenantId, rpId: RelyingPartyId, id: ChallengeId): ChallengeRecord | null
}

const ageMaxMs = 1_000
const rememberedMax = 1_000

/** The memory of one process. It is filled by commits alone, never by signals. */
export function buildEndedChallenges(nowMs: () => number): EndedChallenges {
  const byId = new Map<string, { readonly record: ChallengeRecord; readonly untilMs: number }>()

  function evict(): void {
    const now = nowMs()
    for (const [id, { untilMs }] of byId) {
      if (untilMs > now && byId.size <= rememberedMax) return
      byId.delete(id)
    }
  }

  return {
    add(record) {
      byId.set(record.challenge.id, { record, untilMs: nowMs() + ageMaxMs })
      evict()
    },
    find(tenantId, rpId, id) {
      const entry = byId.get(id)
      if (!entry || entry.untilMs <= nowMs()) return null
      const { challenge } = entry.record
      return challenge.tenantId === tenantId && challenge.rpId === rpId ? entry.record : null
    },
  }
}

/** The challenge as a read after the commit of the answer would find it. */
export function endedRecord(
  { answer, effect, challenge, device, protocolVersion }: DecidedAnswer,
  end: RecordedEnd,
): ChallengeRecord {
  const { now, devices, ...changes } = end
  const { status, reason, wrongNumbersLeft } = effect
  const decision = { status, reason, wrongNumbersLeft, decidedDeviceId: device.id }
  return {
    challenge: { ...challenge, ...decision, ...changes },
    devices,
    decidedBy: {
      id: device.id,
      activatedAt: device.activatedAt,
      platform: device.platform,
      userVerified: effect.outcome !== 'wrong_number' && answer.userVerified,
      hardwareBacked: device.attestation.verdict === 'verified',
      protocolVersion,
    },
    now,
  }
}
