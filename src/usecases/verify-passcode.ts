import { activity, type OwnActivityType } from '../domain/activity.ts'
import type { TenantId, UserId } from '../domain/ids.ts'
import { type Initiator, initiatorText } from '../domain/initiator.ts'
import { issuerOf } from '../domain/issuer.ts'
import {
  acceptableSteps,
  chooseLate,
  choosePasscode,
  lateSteps,
  type OtherFactors,
  otherFactorsOf,
  type PasscodeMethod,
  readTypedCode,
  type SingleUseKind,
} from '../domain/passcode.ts'
import { passcodeResultPayload, passcodeResultTyp } from '../domain/passcode-result.ts'
import { type Asker, actorOf, type Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { TenantStore, UserStore } from '../ports/directory-store.ts'
import type {
  PasscodeAttempt,
  PasscodeFacts,
  PasscodeStore,
  StoredPasscodeSecret,
} from '../ports/passcode-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import type { Hashing, OneTimePasswords, Random, Sealing } from '../ports/world.ts'
import { findUser } from './find-user.ts'
import { passcodeSecretBinding } from './passcode-secrets.ts'
import type { SigningKeys } from './signing-keys.ts'
import { findSingleUse } from './single-use-codes.ts'

export type Needs = {
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
  readonly passcodes: Pick<PasscodeStore, 'facts' | 'attempt' | 'burnLateStep'>
  readonly oneTimePasswords: Pick<OneTimePasswords, 'at'>
  readonly hashing: Hashing
  readonly sealing: Sealing
  readonly random: Pick<Random, 'token'>
  readonly signingKeys: Pick<SigningKeys, 'sign'>
  readonly userTurns: UserTurns
  readonly publicOrigin: string
}

export type Command = {
  readonly userId: UserId
  /** As it was typed. */
  readonly code: string
  /** The relying party's own session hash, echoed in the result. */
  readonly binding?: string
  /** Who tries, as far as the relying party can tell. */
  readonly initiator?: Initiator
}

/** An accepted code. */
export type AcceptedPasscode = {
  readonly method: PasscodeMethod
  readonly recoveryCodesLeft: number
  /** `passcode-result+jwt`. */
  readonly result: string
}

/** What the typed code fits, or why it fits nothing. */
type Judged =
  | {
      readonly match: Extract<PasscodeAttempt['match'], { kind: 'passcode' }>
      readonly device: StoredPasscodeSecret
    }
  | {
      readonly match: Extract<PasscodeAttempt['match'], { kind: SingleUseKind }>
      readonly device: null
    }

/**
 * Verifies a code that a user typed where there was no push: a device's passcode, a recovery code or a temporary code. A wrong
 * one is told apart from a used one only by who holds the used one; too many wrong ones are refused without being looked at.
 */
export async function verifyPasscode(
  needs: Needs,
  principal: Asker,
  command: Command,
): Promise<AcceptedPasscode | Refusal> {
  const { tenantId, rpId } = principal
  const { userId } = command
  const user = await findUser(needs, principal, { id: userId })
  if (isRefusal(user)) return user
  const initiator = needs.hashing.keyedBase64Url(initiatorText(rpId, command.initiator ?? null))
  return needs.userTurns.take({ tenantId, userId }, `codes:${initiator}`, () =>
    verifyInTurn(needs, principal, command, initiator),
  )
}

async function verifyInTurn(
  needs: Needs,
  principal: Asker,
  command: Command,
  initiator: string,
): Promise<AcceptedPasscode | Refusal> {
  const { tenantId, rpId } = principal
  const { userId } = command
  const facts = await needs.passcodes.facts(tenantId, rpId, userId)
  const judged = judge(needs, tenantId, facts, command.code)
  const otherFactors = otherFactorsOf(facts.policy, heldOf(facts))
  // What can be no code is a slip of the hand and no guess: it costs no try.
  const isSlip = readTypedCode(command.code) === undefined
  if (isRefusal(judged) && (isSlip || judged.refused === 'passcodes_not_allowed')) {
    return { ...judged, facts: { otherFactors } }
  }
  const match = isRefusal(judged) ? null : judged.match
  const actor = actorOf(principal)
  const outcome = await needs.passcodes.attempt({
    tenantId,
    userId,
    initiator,
    isInitiatorNamed: command.initiator !== undefined,
    knownForDays: facts.policy.initiatorMemoryDays,
    match,
    accepted: activity({
      userId,
      type: usedTypes[match?.kind ?? 'passcode'],
      actor,
      ...(match?.kind === 'passcode' && { deviceId: match.deviceId }),
    }),
    failed: activity({ userId, type: 'passcode_failed', actor }),
  })
  if (outcome.kind === 'locked') {
    const { by, retryAfterSeconds } = outcome
    const unlocked = otherFactors.filter((method) => method !== 'passcode')
    const locked = { lockedBy: by, otherFactors: unlocked }
    return refuse('passcode_locked', { retryAfterSeconds, facts: locked })
  }
  if (outcome.kind === 'suspended') return refuse('user_suspended')
  if (isRefusal(judged)) {
    const why = await whyWrong(needs, command, tenantId, facts, judged)
    return { ...why, facts: { otherFactors } }
  }
  if (outcome.kind === 'failed') return refuse('passcode_used', { facts: { otherFactors } })
  const { kind: method } = judged.match
  const payload = passcodeResultPayload({
    issuer: issuerOf(needs.publicOrigin, tenantId),
    tenantId,
    rpId,
    userId,
    jti: needs.random.token(16),
    binding: command.binding ?? null,
    method,
    acceptedAt: outcome.at,
    device: judged.device && { id: judged.device.deviceId, activatedAt: judged.device.activatedAt },
  })
  const result = await needs.signingKeys.sign(tenantId, passcodeResultTyp, payload)
  return { method, recoveryCodesLeft: outcome.recoveryCodesLeft, result }
}

const usedTypes: Readonly<Record<PasscodeMethod, OwnActivityType>> = {
  passcode: 'passcode_used',
  recovery_code: 'recovery_code_used',
  temporary_code: 'temporary_code_used',
}

/** What the user had when the code was typed. */
function heldOf({ secrets, codes, now }: PasscodeFacts): OtherFactors {
  const unused = codes.filter(({ usedAt }) => usedAt === null)
  const temporary = unused.find(
    ({ kind, expiresAt }) => kind === 'temporary_code' && expiresAt !== null && expiresAt > now,
  )
  return {
    passcodeDevices: secrets.length,
    recoveryCodesLeft: unused.filter(({ kind }) => kind === 'recovery_code').length,
    temporaryCodeExpiresAt: temporary?.expiresAt ?? null,
  }
}

function judge(
  needs: Needs,
  tenantId: TenantId,
  facts: PasscodeFacts,
  text: string,
): Judged | Refusal {
  const typed = readTypedCode(text)
  if (typed?.kind === 'single_use') return judgeSingleUse(needs, tenantId, facts, typed.code)
  if (!facts.policy.passcodesAllowed) return refuse('passcodes_not_allowed')
  return typed ? judgePasscode(needs, tenantId, facts, typed.code) : refuse('passcode_wrong')
}

function judgePasscode(
  needs: Needs,
  tenantId: TenantId,
  { secrets, now }: PasscodeFacts,
  code: string,
): Judged | Refusal {
  const chosen = choosePasscode(matchingOf(needs, tenantId, secrets, acceptableSteps(now), code))
  if (isRefusal(chosen)) return chosen
  const { deviceId, step, device } = chosen
  return { match: { kind: 'passcode', deviceId, step }, device }
}

/** The devices and steps whose passcode was typed; all are looked at, whichever fits. */
function matchingOf(
  { oneTimePasswords, sealing, hashing }: Needs,
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
 * Why a code that was paid for is wrong: one that was right some minutes ago is told so, once,
 * since it is used up by that. Looked at after the payment alone, so that nobody makes us work by
 * guesses.
 */
async function whyWrong(
  needs: Needs,
  { userId, code }: Command,
  tenantId: TenantId,
  { secrets, now }: PasscodeFacts,
  judged: Refusal,
): Promise<Refusal> {
  const typed = readTypedCode(code)
  if (judged.refused !== 'passcode_wrong' || typed?.kind !== 'passcode') return judged
  const late = chooseLate(matchingOf(needs, tenantId, secrets, lateSteps(now), typed.code))
  if (late === undefined) return judged
  const { deviceId, step } = late
  const isBurnt = await needs.passcodes.burnLateStep({ tenantId, userId, deviceId, step })
  return isBurnt ? refuse('passcode_clock_off') : judged
}

function judgeSingleUse(
  needs: Needs,
  tenantId: TenantId,
  { codes, now }: PasscodeFacts,
  code: string,
): Judged | Refusal {
  const found = findSingleUse(needs, tenantId, codes, code)
  if (!found) return refuse('passcode_wrong')
  if (found.usedAt !== null) return refuse('passcode_used')
  // Not `<=`: an end that is no time counts as ended.
  if (found.expiresAt !== null && !(found.expiresAt > now)) return refuse('passcode_expired')
  return { match: { kind: found.kind, id: found.id }, device: null }
}

/** What a user could be asked for instead of a push. */
export async function readOtherFactors(
  needs: Pick<Needs, 'users'> & {
    readonly passcodes: Pick<PasscodeStore, 'otherFactors'>
    readonly tenants: Pick<TenantStore, 'findPolicy'>
  },
  principal: Principal,
  userId: UserId,
): Promise<(OtherFactors & { readonly otherFactors: readonly PasscodeMethod[] }) | Refusal> {
  const user = await findUser(needs, principal, { id: userId })
  if (isRefusal(user)) return user
  const { tenantId, rpId } = principal
  const policy = await needs.tenants.findPolicy(tenantId, rpId)
  const held = await needs.passcodes.otherFactors(tenantId, userId)
  return { ...held, otherFactors: otherFactorsOf(policy, held) }
}
