import type { DeviceKey } from '../../domain/device.ts'

/** What is stored of passkeys, a column each; null in the place of a key that is none. */
export type PasskeyColumns = {
  readonly kinds: readonly string[]
  readonly credentialIds: readonly (string | null)[]
  readonly backupEligible: readonly (boolean | null)[]
  readonly backedUp: readonly (boolean | null)[]
}

/** The columns of these keys, in their order. */
export function passkeyColumns(keys: readonly DeviceKey[]): PasskeyColumns {
  return {
    kinds: keys.map(({ passkey }) => (passkey ? 'webauthn' : 'jws')),
    credentialIds: keys.map(({ passkey }) => passkey?.credentialId ?? null),
    backupEligible: keys.map(({ passkey }) => passkey?.backupEligible ?? null),
    backedUp: keys.map(({ passkey }) => passkey?.backedUp ?? null),
  }
}
