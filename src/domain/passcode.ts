// One-time codes that a person reads and types: passcodes (RFC 6238), recovery codes, temporary
// codes.

import type { DeviceId } from './ids.ts'
import type { Policy } from './policy.ts'
import { type Refusal, refuse } from './refusal.ts'
import { plainTypedText } from './typed-text.ts'

/** How a person signed in without a push. */
export const passcodeMethods = ['passcode', 'recovery_code', 'temporary_code'] as const
export type PasscodeMethod = (typeof passcodeMethods)[number]
export type SingleUseKind = Exclude<PasscodeMethod, 'passcode'>

/** RFC 6238, 4.1: the time step X. */
export const passcodePeriodSeconds = 30
/**
 * Not SHA-1, although authenticator apps expect it: NIST retires it by the end of 2030, and only
 * our own apps read these secrets.
 */
export const passcodeAlgorithm = 'SHA256'
/** Steps by which a phone's clock may be off, in each direction (RFC 6238, 5.2). */
export const passcodeDriftSteps = 1
/** Bytes of a secret: the length of the HMAC's hash (RFC 4226, 4, R6; RFC 6238, 1.2). */
export const passcodeSecretBytes = 32

/** Recovery codes in a set. */
export const recoveryCodesPerSet = 10
/** Bounds and default of a temporary code's lifetime. */
export const temporaryCodeSeconds = { min: 300, usual: 3600, max: 24 * 3600 } as const

/**
 * 16 characters of 5 bits: above the 64 bits from which NIST SP 800-63B-4, 3.1.2.2 requires no
 * limit of guesses. So these codes are never locked, whatever other clients do.
 */
export const singleUseLength = 16

const digitsOnly = /^[0-9]{6,8}$/
const singleUse = /^[0-9A-HJKMNP-TV-Z]{16}$/

/** A typed code; its length decides which of the two kinds it is. */
export type TypedCode =
  | { readonly kind: 'passcode'; readonly code: string }
  | { readonly kind: 'single_use'; readonly code: string }

/**
 * Reads a typed code, tolerant of case, look-alikes and separators as `plainTypedText` is;
 * undefined when it cannot be a code.
 */
export function readTypedCode(text: string): TypedCode | undefined {
  const plain = plainTypedText(text)
  if (digitsOnly.test(plain)) return { kind: 'passcode', code: plain }
  const code = plain.toUpperCase().replace(/O/g, '0').replace(/[IL]/g, '1')
  return singleUse.test(code) ? { kind: 'single_use', code } : undefined
}

/** A single-use code as it is shown: four groups of four. */
export function writeSingleUse(code: string): string {
  return code.replace(/(.{4})(?=.)/g, '$1-')
}

/** Steps whose passcodes are accepted at this time. */
export function acceptableSteps(now: Date): readonly number[] {
  const current = Math.floor(now.getTime() / 1000 / passcodePeriodSeconds)
  return Array.from(
    { length: 2 * passcodeDriftSteps + 1 },
    (_, index) => current - passcodeDriftSteps + index,
  )
}

/**
 * How many earlier steps are recognised, and never accepted: a person whose phone's clock is up to
 * some five minutes behind is shown why the code fails. Never later steps: a guesser would learn a
 * code that is still to come.
 */
export const passcodeLateSteps = 10

/** Steps whose passcodes are recognised as too old to be accepted; the latest first. */
export function lateSteps(now: Date): readonly number[] {
  const [first = 0] = acceptableSteps(now)
  return Array.from({ length: passcodeLateSteps }, (_, index) => first - 1 - index)
}

/** A typed passcode that matches a device's, and its step. */
export type MatchingPasscode = {
  readonly deviceId: DeviceId
  readonly step: number
  /** The last step of which this device's passcode was accepted. */
  readonly lastStep: number
}

/**
 * The passcode to accept. Each step of each device is accepted once, and none before an accepted
 * one, so that a code seen over a shoulder is useless (RFC 6238, 5.2; NIST SP 800-63B-4, 3.1.4.2).
 */
export function choosePasscode<Matching extends MatchingPasscode>(
  matching: readonly Matching[],
): Matching | Refusal<'passcode_wrong' | 'passcode_used'> {
  const fresh = matching.find(({ step, lastStep }) => step > lastStep)
  if (fresh) return fresh
  return refuse(matching.length === 0 ? 'passcode_wrong' : 'passcode_used')
}

/** The passcode that was valid some minutes ago, of an unused step; undefined for none. */
export function chooseLatePasscode<Matching extends MatchingPasscode>(
  matching: readonly Matching[],
): Matching | undefined {
  return matching.find(({ step, lastStep }) => step > lastStep)
}

/** The user's factors other than push. */
export type OtherFactors = {
  /** Active devices that show passcodes. */
  readonly passcodeDevices: number
  readonly recoveryCodesLeft: number
  readonly temporaryCodeExpiresAt: Date | null
}

/** The factors that a relying party may offer where there is no push, the preferred one first. */
export function otherFactorsOf(
  { passcodesAllowed }: Pick<Policy, 'passcodesAllowed'>,
  factors: OtherFactors,
): readonly PasscodeMethod[] {
  return [
    ...(passcodesAllowed && factors.passcodeDevices > 0 ? (['passcode'] as const) : []),
    ...(factors.temporaryCodeExpiresAt === null ? [] : (['temporary_code'] as const)),
    ...(factors.recoveryCodesLeft > 0 ? (['recovery_code'] as const) : []),
  ]
}
