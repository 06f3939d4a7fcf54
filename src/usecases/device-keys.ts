// Keys of devices, tied to their row: whoever edits the database makes a key worthless, never another's.

import { type Device, type DeviceKey, keyOf } from '../domain/device.ts'
import type { KnownDevice, TiedKey } from '../ports/device-store.ts'
import type { SecurityLog } from '../ports/security-log.ts'
import type { Macs } from '../ports/world.ts'

export type Needs = { readonly macs: Pick<Macs, 'fits'>; readonly securityLog: SecurityLog }

type Owner = Pick<Device, 'tenantId' | 'id' | 'userId'>

/**
 * What the MAC of a key covers: whose it is, what it is for, the key, and which keys the device has beside it. Without
 * the last, taking away the row of a verification key would make the possession key enough.
 */
function tie(
  { tenantId, id, userId }: Owner,
  { role, kid, publicJwk: { x, y } }: DeviceKey,
  all: readonly Pick<DeviceKey, 'kid'>[],
): string {
  const kids = all.map((key) => key.kid).toSorted()
  return JSON.stringify(['device-key', tenantId, id, userId, role, kid, x, y, ...kids])
}

/** Ties the keys of a new device to it, to its user and to each other. */
export function tieKeys(
  { macs }: { readonly macs: Pick<Macs, 'mac'> },
  owner: Owner,
  keys: readonly DeviceKey[],
): TiedKey[] {
  return keys.map((key) => ({ ...key, mac: macs.mac(tie(owner, key, keys)) }))
}

/** The device's own key of this thumbprint, as it was enrolled; a row that says otherwise is no key, and a security event. */
export function ownKey(needs: Needs, known: KnownDevice, kid: string): DeviceKey | undefined {
  const { device, keys } = known
  const key = keyOf(keys, kid)
  if (!key) return undefined
  if (needs.macs.fits(tie(device, key, keys), key.mac)) return key
  const { tenantId, id: deviceId } = device
  needs.securityLog.write({ event: 'device_key_tampered', tenantId, deviceId })
  return undefined
}
