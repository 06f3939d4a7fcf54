import { activity, type OwnActivityType } from '../domain/activity.ts'
import type { TenantId, UserId } from '../domain/ids.ts'
import { type Initiator, initiatorText } from '../domain/initiator.ts'
import { issuerOf } from '../domain/issuer.ts'
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
import { passcodeResultPayload, passcodeResultTyp } from '../domain/passcode-result.ts'
import { type Asker, actorOf } from '../domain/principal.ts'
import { isRefusal, type Refusal, type RefusalCode, refuse } from '../domain/refusal.ts'
import type { Hashing, OneTimePasswords, Random, Sealing } from '../platform/world.ts'
import type { SigningKeys } from '../tenants/signing-keys.ts'
import { readUser } from '../users/find-user.ts'
import type { UserStore } from '../users/user.store.ts'
import type {
  PasscodeAttempt,
  PasscodeFacts,
  PasscodeStore,
  StoredPasscodeSecret,
} from './passcode.store.ts'
import { inQueues, type PasscodeQueues } from './passcode-queues.ts'
import { passcodeSecretBinding } from './passcode-secrets.ts'
import { findSingleUse } from './single-use-codes.ts'

export type Dependencies = PasscodeQueues & {
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
  readonly passcodes: Pick<PasscodeStore, 'facts' | 'attempt' | 'burnLateStep'>
  readonly oneTimePasswords: Pick<OneTimePasswords, 'at'>
  readonly hashing: Hashing
  readonly sealing: Sealing
  readonly random: Pick<Random, 'token'>
  readonly signingKeys: Pick<SigningKeys, 'sign'>
  readonly publicOrigin: string
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

/** An accepted code. */
export type AcceptedPasscode = {
  readonly method: PasscodeMethod
  readonly recoveryCodesLeft: number
  /** `passcode-result+jwt`. */
  readonly result: string
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

/**
 * Verifies a code that a user typed when no push was possible: a device's passcode, a recovery code
 * or a temporary code. Only the holder of a used code can distinguish it from a wrong one; after
 * too many wrong codes, further ones are refused unchecked.
 */
export async function verifyPasscode(
  dependencies: Dependencies,
  principal: Asker,
  command: Command,
): Promise<
  | AcceptedPasscode
  | Refusal<
      | 'user_suspended'
      | 'too_many_requests'
      | 'not_found'
      | 'passcode_used'
      | 'passcode_locked'
      | 'passcodes_not_allowed'
      | 'passcode_wrong'
      | 'passcode_clock_off'
      | 'passcode_expired'
    >
> {
  const { tenantId, rpId } = principal
  const { userId } = command
  const user = await readUser(dependencies, principal, userId)
  if (isRefusal(user)) return user
  const initiator = dependencies.hashing.hmacBase64Url(
    initiatorText(rpId, command.initiator ?? null),
  )
  const verify = () => verifyInQueue(dependencies, principal, command, initiator)
  return inQueues(dependencies, { tenantId, userId }, `codes:${initiator}`, verify)
}

async function verifyInQueue(
  dependencies: Dependencies,
  principal: Asker,
  command: Command,
  initiator: string,
): Promise<
  | AcceptedPasscode
  | Refusal<
      | 'user_suspended'
      | 'passcode_used'
      | 'passcode_locked'
      | 'passcodes_not_allowed'
      | 'passcode_wrong'
      | 'passcode_clock_off'
      | 'passcode_expired'
    >
> {
  const { tenantId, rpId } = principal
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
  const actor = actorOf(principal)
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
  const { kind: method } = codeMatch.match
  const payload = passcodeResultPayload({
    issuer: issuerOf(dependencies.publicOrigin, tenantId),
    tenantId,
    rpId,
    userId,
    jti: dependencies.random.token(16),
    binding: command.binding ?? null,
    method,
    acceptedAt: outcome.at,
    device: codeMatch.device && {
      id: codeMatch.device.deviceId,
      activatedAt: codeMatch.device.activatedAt,
    },
  })
  const result = await dependencies.signingKeys.sign(tenantId, passcodeResultTyp, payload)
  return { method, recoveryCodesLeft: outcome.recoveryCodesLeft, result }
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
  dependencies: Dependencies,
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
  dependencies: Dependencies,
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
  { oneTimePasswords, sealing, hashing }: Dependencies,
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
  dependencies: Dependencies,
  { userId, code }: Command,
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
  dependencies: Dependencies,
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
