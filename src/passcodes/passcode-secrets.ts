import type { DeviceId, TenantId } from '../domain/ids.ts'
import type { Policy } from '../domain/policy.ts'
import type { OneTimePasswords, Sealing } from '../platform/world.ts'

/** Binding under which a device's passcode secret is sealed. */
export function passcodeSecretBinding(tenantId: TenantId, deviceId: DeviceId): string {
  return `passcode-secret:${tenantId}:${deviceId}`
}

/** A device's passcode secret as the device receives it, this once. */
export type PasscodeSecret = {
  /** Base32 (RFC 4648), without padding. */
  readonly secret: string
  readonly digits: number
}

/** A passcode secret for a new device, and how it is stored; null if the policy allows none. */
export function createPasscodeSecret(
  {
    oneTimePasswords,
    sealing,
  }: { readonly oneTimePasswords: OneTimePasswords; readonly sealing: Sealing },
  { passcodesAllowed, passcodeDigits: digits }: Policy,
  tenantId: TenantId,
  deviceId: DeviceId,
) {
  if (!passcodesAllowed) return null
  const secret = oneTimePasswords.createSecret()
  const secretSealed = sealing.seal(secret, passcodeSecretBinding(tenantId, deviceId))
  const passcodeSecret: PasscodeSecret = { secret, digits }
  return { passcodeSecret, storedSecret: { digits, secretSealed } }
}
