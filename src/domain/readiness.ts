import { type AskableRules, reasonForNotAsking, type UnaskedReason } from './askable.ts'
import type { OpeningRefusal } from './challenge.ts'
import { askableRules, openChallenge, type UserVerification } from './challenge.ts'
import type { Device, DeviceStatus } from './device.ts'
import type { DeviceId } from './ids.ts'
import type { NumberPlan } from './number-match.ts'
import { type PasscodeMethod, passcodeMethods } from './passcode.ts'
import { checkProtection } from './protection.ts'
import type { AdmissionRefusal } from './push-throttling.ts'
import { admitChallenge, type SuppressionReason, type ThrottlingFacts } from './push-throttling.ts'
import { factorsDespite } from './question-refusal.ts'
import { isRefusal } from './refusal.ts'

/** One live device: whether a challenge would ask it, whether it could be pushed, and why not. */
export type DeviceReadiness = {
  readonly deviceId: DeviceId
  readonly name: string
  readonly mayAnswer: boolean
  readonly hasPushToken: boolean
  readonly whyNot: UnaskedReason | Exclude<DeviceStatus, 'active' | 'unregistered'> | null
}

/** Why a question at this moment would be refused. */
export type ForecastRefusal = AdmissionRefusal | OpeningRefusal

/** Ways in which a user can be asked: by push, by opening the app, by codes. */
export const askMethods = ['push', 'pull', ...passcodeMethods] as const
type AskMethod = (typeof askMethods)[number]

/** The result that a challenge created at this moment would have. */
export type Readiness = {
  /** The preferred one first. */
  readonly methods: readonly AskMethod[]
  /** Why a creation would be refused; null when it would not be. */
  readonly refusal: ForecastRefusal['refused'] | null
  /** Seconds after which that can change by itself. */
  readonly retryAfterSeconds: number | null
  /** Why no phone would be woken although the challenge would be created. */
  readonly suppressed: SuppressionReason | null
  readonly devices: readonly DeviceReadiness[]
}

export type ReadinessFacts = ThrottlingFacts & {
  readonly number: NumberPlan
  readonly userVerification: UserVerification
  /** Factors that the user could use instead. */
  readonly otherFactors: readonly PasscodeMethod[]
  /** All that are not unregistered. */
  readonly devices: readonly Device[]
}

/** Predicts what creation would decide, by the rules of creation itself. */
export function readinessOf(facts: ReadinessFacts): Readiness {
  const { policy, now, number, userVerification, otherFactors } = facts
  const rules = askableRules(policy, number, userVerification)
  const devices = facts.devices.map((device) => deviceReadiness(device, rules))
  const admission = admitChallenge(facts)
  if (isRefusal(admission)) return readinessForRefusal(admission, otherFactors, devices)
  const activeDevices = facts.devices.filter(({ status }) => status === 'active')
  const { suppressed } = admission
  const opening = openChallenge(
    { policy, now, number, activeDevices, suppressed },
    { userVerification },
  )
  if (isRefusal(opening)) return readinessForRefusal(opening, otherFactors, devices)
  const ways = opening.deliveryMode === 'push' ? (['push', 'pull'] as const) : (['pull'] as const)
  return {
    methods: [...ways, ...otherFactors],
    refusal: null,
    retryAfterSeconds: null,
    suppressed: opening.suppressed,
    devices,
  }
}

function readinessForRefusal(
  refusal: ForecastRefusal,
  otherFactors: readonly PasscodeMethod[],
  devices: readonly DeviceReadiness[],
): Readiness {
  const retryAfterSeconds = refusal.retryAfterSeconds ?? null
  const methods = factorsDespite(refusal, otherFactors)
  return { methods, refusal: refusal.refused, retryAfterSeconds, suppressed: null, devices }
}

/** Why a device is not asked; the first reason that applies. */
export const deviceUnaskedReasons = [
  'unconfirmed',
  'suspended',
  'user_suspended',
  'push_locked',
  'app_too_old',
  'platform_retired',
  'protocol_too_old',
  'companion',
  'no_verification_key',
  'passkey_synced',
] as const
export type DeviceUnaskedReason = (typeof deviceUnaskedReasons)[number]

/**
 * Whether a device may answer its tenant's challenges, and if not, why: by the rules of creation,
 * for the least that any challenge requires. A relying party that requires more may still pass it
 * over.
 */
export function answerabilityOf(
  device: Device,
  { policy, protection, now }: Pick<ReadinessFacts, 'policy' | 'protection' | 'now'>,
): { readonly mayAnswer: boolean; readonly whyNot: DeviceUnaskedReason | null } {
  const isNumberFree = policy.numberNoneAllowedFor.length > 0
  const digits = isNumberFree ? null : policy.numberDigits
  const rules = askableRules(policy, { digits }, 'not_required')
  const { whyNot: ofDevice, mayAnswer } = deviceReadiness(device, rules)
  const protectionRefusal = checkProtection(protection, now)?.refused
  const whyNot = device.status === 'active' ? (protectionRefusal ?? ofDevice) : ofDevice
  return { mayAnswer: mayAnswer && whyNot === null, whyNot }
}

function deviceReadiness(device: Device, rules: AskableRules): DeviceReadiness {
  const { id: deviceId, name, status, hasPushToken } = device
  const reason =
    status === 'unconfirmed' || status === 'suspended' ? status : reasonForNotAsking(device, rules)
  const mayAnswer = status === 'active' && reason === undefined
  return { deviceId, name, mayAnswer, hasPushToken, whyNot: reason ?? null }
}
