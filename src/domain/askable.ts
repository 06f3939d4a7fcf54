// Which of a user's active devices a challenge may ask.

import { checkApp } from './app.ts'
import type { Device, PasskeyFacts } from './device.ts'
import { checkSynced } from './passkey.ts'
import type { Policy } from './policy.ts'
import { checkProtocolVersion } from './protocol-version.ts'

/** Why a challenge does not ask a device. */
export type UnaskedReason =
  | 'app_too_old'
  | 'platform_retired'
  | 'protocol_too_old'
  | 'companion'
  | 'no_verification_key'
  | 'passkey_synced'

/** The facts that decide it: of the device, and of the challenge. */
export type AskableFacts = Pick<
  Device,
  'appId' | 'appVersion' | 'platform' | 'protocolVersion' | 'parentDeviceId' | 'hasVerificationKey'
> & { readonly passkey: Pick<PasskeyFacts, 'backupEligible'> | null }
export type AskableRules = {
  readonly policy: Pick<
    Policy,
    | 'appVersionsMin'
    | 'retiredPlatforms'
    | 'browserDevices'
    | 'syncedPasskeys'
    | 'protocolVersionMin'
    | 'companionsMayAnswer'
  >
  readonly isVerificationRequired: boolean
  /** Whether a number must be typed, which cannot be expected on a watch. */
  readonly isNumberTyped: boolean
  /** The version that brought what must be shown. */
  readonly protocolVersion: number
}

/**
 * Undefined for a device that may be asked. Creation and readiness share it, so that readiness
 * never promises what creation refuses.
 */
export function reasonForNotAsking(
  device: AskableFacts,
  rules: AskableRules,
): UnaskedReason | undefined {
  const refusal = checkApp(device, rules.policy) ?? checkProtocolVersion(device, rules.policy)
  if (refusal) return refusal.refused as UnaskedReason
  if (device.protocolVersion < rules.protocolVersion) return 'protocol_too_old'
  if (
    device.parentDeviceId !== null &&
    (rules.isNumberTyped || !rules.policy.companionsMayAnswer)
  ) {
    return 'companion'
  }
  if (device.passkey && checkSynced(device.passkey, rules.policy)) return 'passkey_synced'
  return rules.isVerificationRequired && !device.hasVerificationKey
    ? 'no_verification_key'
    : undefined
}
