import { Secret, TOTP } from 'otpauth'
import type { DeviceAccount } from '../../clients/device/account.ts'

/** What the phone shows for somebody without a network; null where the tenant allows no passcodes. */
export function shownPasscode({ passcode, clockOffsetMs }: DeviceAccount): string | null {
  if (!passcode) return null
  const secret = Secret.fromBase32(passcode.secret)
  return TOTP.generate({ ...passcode, secret, timestamp: Date.now() + clockOffsetMs })
}
