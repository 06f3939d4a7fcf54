// What the relying party gets for an accepted code and can verify offline: the payload of the
// `passcode-result+jwt`.

import type { DeviceId, RelyingPartyId, TenantId, UserId } from './ids.ts'
import type { PasscodeMethod } from './passcode.ts'
import { newDeviceSeconds } from './policy.ts'

/**
 * A type of its own, so that a passcode result can never be mistaken for the approval of a
 * challenge (RFC 8725, 3.11).
 */
export const passcodeResultTyp = 'passcode-result+jwt'
const lifetimeSeconds = 60

export type PasscodeResult = {
  readonly issuer: string
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly userId: UserId
  readonly jti: string
  readonly binding: string | null
  readonly method: PasscodeMethod
  /** When the code was accepted. */
  readonly acceptedAt: Date
  /** The device that generated the passcode; null for the other codes. */
  readonly device: { readonly id: DeviceId; readonly activatedAt: Date | null } | null
}

/**
 * `amr` says `otp` (RFC 8176) and no more: no key was used, no device verified the user, and a
 * person on a phishing page types the code there (NIST SP 800-63B-4, 3.1.4: not
 * phishing-resistant).
 */
export function passcodeResultPayload(result: PasscodeResult): string {
  const at = Math.floor(result.acceptedAt.getTime() / 1000)
  const activatedAt = result.device?.activatedAt
  const isNew =
    activatedAt != null &&
    result.acceptedAt.getTime() - activatedAt.getTime() < newDeviceSeconds * 1000
  return JSON.stringify({
    iss: result.issuer,
    aud: result.rpId,
    jti: result.jti,
    iat: at,
    exp: at + lifetimeSeconds,
    tid: result.tenantId,
    sub: result.userId,
    ...(result.binding === null ? {} : { binding: result.binding }),
    method: result.method,
    ...(result.device === null ? {} : { did: result.device.id }),
    amr: ['otp'],
    auth_time: at,
    ...(isNew ? { new_device: true } : {}),
  })
}
