// What the relying party can keep and verify offline: the payload of the `approval-result+jwt`.

import type { Challenge } from './challenge.ts'
import type { Platform } from './device.ts'
import type { DeviceId } from './ids.ts'
import { newDeviceSeconds } from './policy.ts'
import { firstVersion } from './protocol-version.ts'

export const resultTyp = 'approval-result+jwt'
const lifetimeSeconds = 60

/** What a result contains beyond the challenge itself. */
export type ResultFacts = {
  readonly issuer: string
  readonly now: Date
  /** The device whose answer decided; null when none did. */
  readonly decidedBy: {
    readonly id: DeviceId
    /** Whether the deciding signature came from the verification key. */
    readonly userVerified: boolean
    /** Whether its maker attested where the key is. */
    readonly hardwareBacked: boolean
    readonly activatedAt: Date | null
    readonly platform: Platform
    /** Of the device protocol, in which it was asked. */
    readonly protocolVersion: number
  } | null
}

/**
 * Authentication methods, honestly (RFC 8176): proof of possession of a key, `hwk` only with a
 * verified attestation, `user` only when the verification key signed. Never a claim of phishing
 * resistance (NIST SP 800-63B-4, 3.1.3).
 */
export function approvalMethods(by: {
  readonly userVerified: boolean
  readonly hardwareBacked: boolean
}) {
  return ['pop', by.hardwareBacked ? 'hwk' : 'swk', ...(by.userVerified ? ['user'] : [])]
}

/**
 * Payload of the result of a challenge that has ended. `jti` is the challenge's own, so that a
 * result can be consumed only once.
 */
export function resultPayload(challenge: Challenge, facts: ResultFacts): string {
  const { decidedBy } = facts
  const iat = Math.floor(facts.now.getTime() / 1000)
  const decidedAt = challenge.decidedAt ?? facts.now
  const isApproved = challenge.status === 'approved'
  if (isApproved && decidedBy === null) throw new Error(`${challenge.id} was approved by no device`)
  const isNew =
    decidedBy?.activatedAt != null &&
    decidedAt.getTime() - decidedBy.activatedAt.getTime() < newDeviceSeconds * 1000
  return JSON.stringify({
    iss: facts.issuer,
    aud: challenge.rpId,
    jti: challenge.resultJti,
    iat,
    exp: iat + lifetimeSeconds,
    tid: challenge.tenantId,
    cid: challenge.id,
    sub: challenge.userId,
    ...(challenge.binding === null ? {} : { binding: challenge.binding }),
    decision: challenge.status,
    ...(challenge.reason === null ? {} : { reason: challenge.reason }),
    ...(decidedBy === null ? {} : { did: decidedBy.id, platform: decidedBy.platform }),
    number: challenge.numberMode,
    ...(isApproved && decidedBy !== null
      ? {
          amr: approvalMethods(decidedBy),
          auth_time: Math.floor(decidedAt.getTime() / 1000),
        }
      : {}),
    ...(isApproved && isNew ? { new_device: true } : {}),
    ...(decidedBy !== null && decidedBy.protocolVersion > firstVersion
      ? { ver: decidedBy.protocolVersion }
      : {}),
  })
}
