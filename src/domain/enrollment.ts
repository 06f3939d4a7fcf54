import { isFresh, isJti, readClaims, readHeader } from './claims.ts'
import type { UnverifiedJws } from './device-proof.ts'
import type {
  DeviceId,
  EnrollmentId,
  PortalSessionId,
  RelyingPartyId,
  TenantId,
  UserId,
} from './ids.ts'
import { firstVersion, isProtocolVersion, versionBounds } from './protocol-version.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'
import { plainTypedText } from './typed-text.ts'

const storedStatuses = ['open', 'claimed', 'completed', 'cancelled', 'void'] as const
export type EnrollmentStatus = (typeof storedStatuses)[number]
/** As they are shown: one that ran out is stored as it was. */
export const enrollmentViews = [...storedStatuses, 'expired'] as const
export type EnrollmentView = (typeof enrollmentViews)[number]

export const voidReasons = [
  'number_tries_used_up',
  'device_unregistered',
  'device_suspended',
  'user_suspended',
] as const
export type VoidReason = (typeof voidReasons)[number]

/** Wrong numbers that a new device may type before its enrollment is void. */
export const confirmationAttemptsMax = 3
/** Digits of the number that confirms a new device. */
export const confirmationDigits = 6

/** A one-time ticket that lets one device join one user. */
export type Enrollment = {
  readonly tenantId: TenantId
  readonly id: EnrollmentId
  readonly userId: UserId
  readonly rpId: RelyingPartyId
  readonly status: EnrollmentStatus
  readonly reason: VoidReason | null
  /** At 0 the typed code is no longer valid; guesses do not affect the scanned one. */
  readonly codeAttemptsLeft: number
  readonly wrongNumbersLeft: number
  readonly confirmationRequired: boolean
  readonly replacesDeviceId: DeviceId | null
  /** The new device becomes a companion of this one. */
  readonly parentDeviceId: DeviceId | null
  readonly deviceId: DeviceId | null
  /**
   * The user's own device that opened it for the next phone; it ends with that device. Null when a
   * relying party did.
   */
  readonly openedByDeviceId: DeviceId | null
  /** The session of the portal that opened it: only there it is read. */
  readonly openedBySessionId: PortalSessionId | null
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly claimedAt: Date | null
  readonly endedAt: Date | null
}

/** The status that readers see: an enrollment that ran out is `expired`, whatever its row says. */

/** The status shown. Only open and claimed enrollments can run out. */
export function viewOf(enrollment: Enrollment, now: Date): EnrollmentView {
  const live = enrollment.status === 'open' || enrollment.status === 'claimed'
  // Not `<=`: an invalid date counts as ended.
  return live && !(enrollment.expiresAt > now) ? 'expired' : enrollment.status
}

// Crockford's base32 without I, L, O, U: nothing in it is mistaken for something else.
export const typedCodeAlphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/**
 * Ten characters of 5 bits: 50 bits, above the 40 that NIST SP 800-63B-4, 4.1.2.2 asks of a code
 * typed with a user name.
 */
export const typedCodeLength = 10

const typedCode = /^[0-9A-HJKMNP-TV-Z]{10}$/
const scannedCode = /^[A-Za-z0-9_-]{43}$/

/**
 * A code as it was scanned (256 bits, base64url) or typed (ten characters, tolerant of case,
 * look-alikes and separators as `plainTypedText` is).
 */
export function readCode(
  text: string,
): { readonly kind: 'scanned' | 'typed'; readonly code: string } | undefined {
  if (scannedCode.test(text)) return { kind: 'scanned', code: text }
  const plain = plainTypedText(text).toUpperCase().replace(/O/g, '0').replace(/[IL]/g, '1')
  return typedCode.test(plain) ? { kind: 'typed', code: plain } : undefined
}

export const claimTyp = 'device-claim+jwt'

/** What both claim proofs must contain. */
export type ClaimFacts = {
  readonly issuer: string
  /** base64url SHA-256 of the code, as read by `readCode`. */
  readonly codeHash: string
  readonly possessionKid: string
  readonly verificationKid: string | null
}

/** The version of the protocol that a claim proof names; the first where it names none. */
export function readClaimedVersion({
  payload,
}: Pick<UnverifiedJws, 'payload'>): number | Refusal<'invalid_request'> {
  if (typeof payload !== 'object' || payload === null) return firstVersion
  if (!Object.hasOwn(payload, 'protocolVersion')) return firstVersion
  const { protocolVersion } = payload as { readonly protocolVersion: unknown }
  if (isProtocolVersion(protocolVersion)) return protocolVersion
  const { min, max } = versionBounds
  return refuse('invalid_request', {
    hint: `protocolVersion must be a whole number from ${min} to ${max}.`,
  })
}

/**
 * Checks the claims of one claim proof; its signature is verified with the key that it introduces.
 * Both proofs name both keys, so that neither key can be swapped for another.
 */
export function checkClaimProof(
  jws: UnverifiedJws,
  kid: string,
  facts: ClaimFacts,
  now: Date,
): Refusal<'clock_skew' | 'proof_malformed' | 'proof_invalid' | 'invalid_request'> | undefined {
  const header = readHeader(claimTyp, jws.header)
  const claims = readClaims(
    {
      aud: 'string',
      ch: 'string',
      pk: 'string',
      vk: 'string?',
      iat: 'integer',
      jti: 'string',
      protocolVersion: 'integer?',
    },
    jws.payload,
  )
  const version = readClaimedVersion(jws)
  if (isRefusal(version)) return version
  if (!header || !claims || !isJti(claims.jti)) return refuse('proof_malformed')
  const comparisons: readonly (readonly [string, string | null, string | null])[] = [
    ['kid', header.kid, kid],
    ['aud', claims.aud, facts.issuer],
    ['ch', claims.ch, facts.codeHash],
    ['pk', claims.pk, facts.possessionKid],
    ['vk', claims.vk ?? null, facts.verificationKid],
  ]
  const wrong = comparisons.find(([, actual, reference]) => actual !== reference)
  if (wrong) return refuse('proof_invalid', { facts: { claim: wrong[0] } })
  if (!isFresh(claims.iat, now)) {
    return refuse('clock_skew', { facts: { serverTime: now.toISOString() } })
  }
  return undefined
}

/** Whether the user may have one more device; the one that is being replaced does not count. */
export function mayAddDevice(
  liveDevices: readonly DeviceId[],
  replacesDeviceId: DeviceId | null,
  devicesPerUserMax: number,
): boolean {
  const staying = liveDevices.filter((id) => id !== replacesDeviceId)
  return staying.length < devicesPerUserMax
}

/** The effect on the enrollment of a number typed on the new device. */
export type ConfirmationEffect = {
  readonly outcome: 'confirmed' | 'wrong_number' | 'void'
  readonly wrongNumbersLeft: number
}

/**
 * Decides a confirmation; the last wrong number makes the enrollment void and the device invalid.
 */
export function confirmEnrollment(
  wrongNumbersLeft: number,
  numberMatches: boolean,
): ConfirmationEffect {
  if (numberMatches) return { outcome: 'confirmed', wrongNumbersLeft }
  const remaining = wrongNumbersLeft - 1
  return { outcome: remaining > 0 ? 'wrong_number' : 'void', wrongNumbersLeft: remaining }
}
