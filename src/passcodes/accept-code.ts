// Checks a typed code and uses it up: what relying parties and the portal have in common.

import { type Actor, activity, type OwnActivityType } from '../domain/activity.ts'
import type { RelyingPartyId, TenantId, UserId } from '../domain/ids.ts'
import type { Initiator } from '../domain/initiator.ts'
import {
  acceptableSteps,
  chooseLatePasscode,
  choosePasscode,
  lateSteps,
  type OtherFactors,
  otherFactorsOf,
  type PasscodeMethod,
  readTypedCode,
  type SingleUseKind,
} from '../domain/passcode.ts'
import { isRefusal, type Refusal, type RefusalCode, refuse } from '../domain/refusal.ts'
import type { Hashing, OneTimePasswords, Sealing } from '../platform/world.ts'
import type {
  PasscodeAttempt,
  PasscodeFacts,
  PasscodeStore,
  StoredPasscodeSecret,
} from './passcode.store.ts'
import { passcodeSecretBinding } from './passcode-secrets.ts'
import { findSingleUse } from './single-use-codes.ts'

/** What is needed to check a code. */
export type CodeDependencies = {
  readonly passcodes: Pick<PasscodeStore, 'facts' | 'attempt' | 'burnLateStep'>
  readonly oneTimePasswords: Pick<OneTimePasswords, 'at'>
  readonly hashing: Hashing
  readonly sealing: Sealing
}

export type Command = {
  readonly userId: UserId
  /** As the user typed it. */
  readonly code: string
  /** The relying party's own session hash, echoed in the result. */
  readonly binding?: string
  /** The initiator, as far as the relying party can tell. */
  readonly initiator?: Initiator
}

/** An accepted code, used up. */
export type AcceptedCode = {
  readonly method: PasscodeMethod
  readonly recoveryCodesLeft: number
  readonly at: Date
  /** The device that showed it. */
  readonly device: StoredPasscodeSecret | null
}

/** The secret or stored code that the typed code matches. */
type CodeMatch =
  | {
      readonly match: Extract<PasscodeAttempt['match'], { kind: 'passcode' }>
      readonly device: StoredPasscodeSecret
    }
  | {
      readonly match: Extract<PasscodeAttempt['match'], { kind: SingleUseKind }>
      readonly device: null
    }

/** Why a code is not accepted. */
export type CodeRefusal = Refusal<
  | 'user_suspended'
  | 'passcode_used'
  | 'passcode_locked'
  | 'passcodes_not_allowed'
  | 'passcode_wrong'
  | 'passcode_clock_off'
  | 'passcode_expired'
>

/** Where a code is typed. */
type TypedBy = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly actor: Actor
  /** A hash that names one browser, network, relying party or portal. */
  readonly initiator: string
}

/**
 * Checks a code and uses it up, in the queue of its user (`inQueues`): what `verifyPasscode` does
 * before it signs.
 */
export async function acceptCode(
  dependencies: CodeDependencies,
  { tenantId, rpId, actor, initiator }: TypedBy,
  command: Pick<Command, 'userId' | 'code' | 'initiator'>,
): Promise<AcceptedCode | CodeRefusal> {
  const { userId } = command
  const facts = await dependencies.passcodes.facts(tenantId, rpId, userId)
  const codeMatch = matchCode(dependencies, tenantId, facts, command.code)
  const otherFactors = otherFactorsOf(facts.policy, factorsOf(facts))
  // A text that cannot be a code is a typo and no guess: it costs no attempt.
  const isSlip = readTypedCode(command.code) === undefined
  if (isRefusal(codeMatch) && (isSlip || codeMatch.refused === 'passcodes_not_allowed')) {
    return { ...codeMatch, facts: { otherFactors } }
  }
  const match = isRefusal(codeMatch) ? null : codeMatch.match
  const outcome = await dependencies.passcodes.attempt({
    tenantId,
    userId,
    initiator,
    isInitiatorNamed: command.initiator !== undefined,
    knownForDays: facts.policy.initiatorMemoryDays,
    match,
    acceptedActivity: activity({
      userId,
      type: usedTypes[match?.kind ?? 'passcode'],
      actor,
      ...(match?.kind === 'passcode' && { deviceId: match.deviceId }),
    }),
    failedActivity: activity({ userId, type: 'passcode_failed', actor }),
  })
  if (outcome.kind === 'locked') {
    const { by, retryAfterSeconds } = outcome
    const unlockedFactors = otherFactors.filter((method) => method !== 'passcode')
    const lockFacts = { lockedBy: by, otherFactors: unlockedFactors }
    return refuse('passcode_locked', { retryAfterSeconds, facts: lockFacts })
  }
  if (outcome.kind === 'suspended') return refuse('user_suspended')
  if (isRefusal(codeMatch)) {
    const refusal = await reasonForWrong(dependencies, command, tenantId, facts, codeMatch)
    return { ...refusal, facts: { otherFactors } }
  }
  if (outcome.kind === 'failed') return refuse('passcode_used', { facts: { otherFactors } })
  const { at, recoveryCodesLeft } = outcome
  return { method: codeMatch.match.kind, recoveryCodesLeft, at, device: codeMatch.device }
}

const usedTypes: Readonly<Record<PasscodeMethod, OwnActivityType>> = {
  passcode: 'passcode_used',
  recovery_code: 'recovery_code_used',
  temporary_code: 'temporary_code_used',
}

/** The user's other factors when the code was typed. */
function factorsOf({ secrets, codes, now }: PasscodeFacts): OtherFactors {
  const unusedCodes = codes.filter(({ usedAt }) => usedAt === null)
  const temporary = unusedCodes.find(
    ({ kind, expiresAt }) => kind === 'temporary_code' && expiresAt !== null && expiresAt > now,
  )
  return {
    passcodeDevices: secrets.length,
    recoveryCodesLeft: unusedCodes.filter(({ kind }) => kind === 'recovery_code').length,
    temporaryCodeExpiresAt: temporary?.expiresAt ?? null,
  }
}

function matchCode(
  dependencies: CodeDependencies,
  tenantId: TenantId,
  facts: PasscodeFacts,
  text: string,
):
  | CodeMatch
  | Refusal<'passcode_wrong' | 'passcode_used' | 'passcode_expired' | 'passcodes_not_allowed'> {
  const typedCode = readTypedCode(text)
  if (typedCode?.kind === 'single_use')
    return matchSingleUse(dependencies, tenantId, facts, typedCode.code)
  if (!facts.policy.passcodesAllowed) return refuse('passcodes_not_allowed')
  return typedCode
    ? matchPasscode(dependencies, tenantId, facts, typedCode.code)
    : refuse('passcode_wrong')
}

function matchPasscode(
  dependencies: CodeDependencies,
  tenantId: TenantId,
  { secrets, now }: PasscodeFacts,
  code: string,
): CodeMatch | Refusal<'passcode_wrong' | 'passcode_used'> {
  const passcode = choosePasscode(
    matchingOf(dependencies, tenantId, secrets, acceptableSteps(now), code),
  )
  if (isRefusal(passcode)) return passcode
  const { deviceId, step, device } = passcode
  return { match: { kind: 'passcode', deviceId, step }, device }
}

/** The devices and steps whose passcode was typed; all are checked, even after a match. */
function matchingOf(
  { oneTimePasswords, sealing, hashing }: CodeDependencies,
  tenantId: TenantId,
  secrets: PasscodeFacts['secrets'],
  steps: readonly number[],
  code: string,
) {
  return secrets.flatMap((device) => {
    const { deviceId, digits, lastStep, secretSealed } = device
    const secret = sealing.open(secretSealed, passcodeSecretBinding(tenantId, deviceId))
    return steps
      .filter((step) => hashing.equal(oneTimePasswords.at(secret, digits, step), code))
      .map((step) => ({ deviceId, step, lastStep, device }))
  })
}

/**
 * Why a code that was charged as an attempt is wrong: for one that was right some minutes ago the
 * refusal says so, once, since that uses it up. Checked only after the charge, so that guesses
 * cannot cause computations.
 */
async function reasonForWrong<Code extends RefusalCode>(
  dependencies: CodeDependencies,
  { userId, code }: Pick<Command, 'userId' | 'code'>,
  tenantId: TenantId,
  { secrets, now }: PasscodeFacts,
  refusal: Refusal<Code>,
): Promise<Refusal<Code | 'passcode_clock_off'>> {
  const typedCode = readTypedCode(code)
  if (refusal.refused !== 'passcode_wrong' || typedCode?.kind !== 'passcode') return refusal
  const late = chooseLatePasscode(
    matchingOf(dependencies, tenantId, secrets, lateSteps(now), typedCode.code),
  )
  if (late === undefined) return refusal
  const { deviceId, step } = late
  const result = await dependencies.passcodes.burnLateStep({ tenantId, userId, deviceId, step })
  return result === 'done' ? refuse('passcode_clock_off') : refusal
}

function matchSingleUse(
  dependencies: CodeDependencies,
  tenantId: TenantId,
  { codes, now }: PasscodeFacts,
  code: string,
): CodeMatch | Refusal<'passcode_wrong' | 'passcode_used' | 'passcode_expired'> {
  const storedCode = findSingleUse(dependencies, tenantId, codes, code)
  if (!storedCode) return refuse('passcode_wrong')
  if (storedCode.usedAt !== null) return refuse('passcode_used')
  // Not `<=`: an invalid date counts as expired.
  if (storedCode.expiresAt !== null && !(storedCode.expiresAt > now))
    return refuse('passcode_expired')
  return { match: { kind: storedCode.kind, id: storedCode.id }, device: null }
}
