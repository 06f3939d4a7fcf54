import { Secret, TOTP } from 'otpauth'
import {
  passcodeAlgorithm,
  passcodePeriodSeconds,
  passcodeSecretBytes,
} from '../domain/passcode.ts'
import type { OneTimePasswords } from '../platform/world.ts'

/** RFC 6238 by otpauth. */
export const oneTimePasswords: OneTimePasswords = {
  createSecret: () => new Secret({ size: passcodeSecretBytes }).base32,
  at: (secret, digits, step) =>
    TOTP.generate({
      secret: Secret.fromBase32(secret),
      algorithm: passcodeAlgorithm,
      digits,
      period: passcodePeriodSeconds,
      timestamp: step * passcodePeriodSeconds * 1000,
    }),
}
