// Which of a user's active devices a challenge may ask.

import { checkApp } from './app.ts'
import type { Device } from './device.ts'
import type { Policy } from './policy.ts'

/** Why a device is not asked. */
export type NotAsked = 'app_too_old' | 'platform_retired' | 'companion' | 'no_verification_key'

/** What decides it about the device, and about the challenge. */
export type AskableFacts = Pick<
  Device,
  'appId' | 'appVersion' | 'platform' | 'parentDeviceId' | 'hasVerificationKey'
>
export type Asked = {
  readonly policy: Pick<Policy, 'appVersionsMin' | 'retiredPlatforms' | 'companionsMayAnswer'>
  readonly verificationRequired: boolean
  /** Whether a number must be typed: nobody should do that on a watch. */
  readonly numberTyped: boolean
}

/** Undefined for a device that may be asked. Creation and readiness share it, so that one cannot promise what the other refuses. */
export function whyNotAsked(device: AskableFacts, asked: Asked): NotAsked | undefined {
  const outdated = checkApp(device, asked.policy)
  if (outdated) return outdated.refused as NotAsked
  if (device.parentDeviceId !== null && (asked.numberTyped || !asked.policy.companionsMayAnswer)) {
    return 'companion'
  }
  return asked.verificationRequired && !device.hasVerificationKey
    ? 'no_verification_key'
    : undefined
}
