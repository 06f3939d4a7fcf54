// A new key in the place of one that the device has.

import type { DeviceAccount } from './account.ts'
import { newJti, signCompact } from './compact-jws.ts'
import { DeviceApiError } from './device-api-error.ts'
import type { DeviceKey, DeviceKeys, KeyRole, PublicJwk } from './keys.ts'

const deviceKeyTyp = 'device-key+jwt'

export type NewKey = {
  readonly role: KeyRole
  readonly key: DeviceKey
  /** Thumbprint of the key whose place it takes. */
  readonly replaces: string
}

/** What the call sends: the new key's own proof names the device and what it replaces. */
export async function rotationBody(
  { role, key, replaces }: NewKey,
  { issuer, deviceId }: Pick<DeviceAccount, 'issuer' | 'deviceId'>,
  now: Date,
): Promise<{ readonly role: KeyRole; readonly key: PublicJwk; readonly proof: string }> {
  const proof = await signCompact(key, deviceKeyTyp, {
    aud: issuer,
    did: deviceId,
    role,
    pk: key.kid,
    replaces,
    iat: Math.floor(now.getTime() / 1000),
    jti: newJti(),
  })
  return { role, key: key.publicJwk, proof }
}

/** True when the service does not know the key of the call: an earlier call has replaced it. */
export function isKeyReplaced(error: unknown): boolean {
  return (
    error instanceof DeviceApiError &&
    error.code === 'proof_invalid' &&
    error.facts.claim === undefined
  )
}

/** The keys with the new one in its role. */
export function withNewKey(keys: DeviceKeys, { role, key }: NewKey): DeviceKeys {
  return { ...keys, [role]: key }
}
