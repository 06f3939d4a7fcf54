// Which of a user's active devices a challenge may ask.

import { checkApp } from './app.ts'
import type { Device } from './device.ts'
import type { Policy } from './policy.ts'

/** Why a challenge does not ask a device. */
export type UnaskedReason = 'app_too_old' | 'platform_retired' | 'companion' | 'no_verification_key'

/** The facts that decide it: of the device, and of the challenge. */
export type AskableFacts = Pick<
  Device,
  'appId' | 'appVersion' | 'platform' | 'parentDeviceId' | 'hasVerificationKey'
>
export type AskableRules = {
  readonly policy: Pick<Policy, 'appVersionsMin' | 'retiredPlatforms' | 'companionsMayAnswer'>
  readonly isVerificationRequired: boolean
  /** Whether a number must be typed, which cannot be expected on a watch. */
  readonly isNumberTyped: boolean
}

/**
 * Undefined for a device that may be asked. Creation and readiness share it, so that readiness
 * never promises what creation refuses.
 */
export function reasonForNotAsking(
  device: AskableFacts,
  rules: AskableRules,
): UnaskedReason | undefined {
  const refusal = checkApp(device, rules.policy)
  if (refusal) return refusal.refused as UnaskedReason
  if (
    device.parentDeviceId !== null &&
    (rules.isNumberTyped || !rules.policy.companionsMayAnswer)
  ) {
    return 'companion'
  }
  return rules.isVerificationRequired && !device.hasVerificationKey
    ? 'no_verification_key'
    : undefined
}
