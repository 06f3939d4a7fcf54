import { Secret, TOTP } from 'otpauth'
import type { DeviceAccount } from '../../clients/device/src/account.ts'

/**
 * The code that the phone shows to a user without a network; null where the tenant allows no
 * passcodes.
 */
export function shownPasscode({ passcode, clockOffsetMs }: DeviceAccount): string | null {
  if (!passcode) return null
  const secret = Secret.fromBase32(passcode.secret)
  return TOTP.generate({ ...passcode, secret, timestamp: Date.now() + clockOffsetMs })
}
