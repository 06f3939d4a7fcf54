// Keys of devices, bound to their row: editing the database makes a key invalid, never another
// device's.

import { type Device, type DeviceKey, keyOf, type PasskeyFacts } from '../domain/device.ts'
import type { SecurityLog } from '../platform/logs/security-log.store.ts'
import type { Macs } from '../platform/world.ts'
import type { BoundKey, KnownDevice } from './device.store.ts'

export type Dependencies = { readonly macs: Pick<Macs, 'fits'>; readonly securityLog: SecurityLog }

type Owner = Pick<Device, 'tenantId' | 'id' | 'userId'>

/**
 * The input of a key's MAC: its owner, its role, the key, and which other keys the device has.
 * Without the last, deleting the row of a verification key would make the possession key enough. A
 * passkey has a label of its own, or its row could be turned into a key that signs texts itself.
 */
function macInput(
  { tenantId, id, userId }: Owner,
  { role, kid, publicJwk: { x, y }, passkey }: DeviceKey,
  all: readonly Pick<DeviceKey, 'kid'>[],
): string {
  const kids = all.map((key) => key.kid).toSorted()
  const boundParts = [tenantId, id, userId, role, kid, x, y]
  if (!passkey) return JSON.stringify(['device-key', ...boundParts, ...kids])
  const { credentialId, backupEligible, backedUp } = passkey
  const facts = [credentialId, backupEligible, backedUp]
  return JSON.stringify(['device-passkey', ...boundParts, ...facts, ...kids])
}

/** Binds the keys of a new device to it, to its user and to each other. */
export function bindKeys(
  { macs }: { readonly macs: Pick<Macs, 'mac'> },
  owner: Owner,
  keys: readonly DeviceKey[],
): BoundKey[] {
  return keys.map((key) => ({ ...key, mac: macs.mac(macInput(owner, key, keys)) }))
}

/** The label keeps the MAC of a replaced key from being valid for a live one. */
function replacedMacInput(
  { tenantId, id, userId }: Owner,
  { role, kid, publicJwk: { x, y } }: DeviceKey,
): string {
  return JSON.stringify(['replaced-device-key', tenantId, id, userId, role, kid, x, y])
}

/** Binds a key that a device has replaced to it and to its user. */
export function bindReplacedKey(
  { macs }: { readonly macs: Pick<Macs, 'mac'> },
  owner: Owner,
  { role, kid, publicJwk }: DeviceKey,
): BoundKey {
  const key = { role, kid, publicJwk }
  return { ...key, mac: macs.mac(replacedMacInput(owner, key)) }
}

/** Whether the device had this key until it replaced it; otherwise it is a security event. */
export function isOwnReplacedKey(
  { macs, securityLog }: Dependencies,
  owner: Owner,
  key: BoundKey,
): boolean {
  if (macs.fits(replacedMacInput(owner, key), key.mac)) return true
  const { tenantId, id: deviceId } = owner
  securityLog.write({ event: 'device_key_tampered', tenantId, deviceId })
  return false
}

/**
 * The device's own key of this thumbprint, as it was enrolled; a row that differs is no key, and a
 * security event.
 */
export function ownKey(
  dependencies: Dependencies,
  knownDevice: KnownDevice,
  kid: string,
): DeviceKey | undefined {
  const { device, keys } = knownDevice
  const key = keyOf(keys, kid)
  if (!key) return undefined
  if (dependencies.macs.fits(macInput(device, key, keys), key.mac)) return key
  const { tenantId, id: deviceId } = device
  dependencies.securityLog.write({ event: 'device_key_tampered', tenantId, deviceId })
  return undefined
}

/** The same for a text that the key itself has signed: a passkey signs none. */
export function ownSigningKey(
  dependencies: Dependencies,
  knownDevice: KnownDevice,
  kid: string,
): DeviceKey | undefined {
  const key = ownKey(dependencies, knownDevice, kid)
  return key?.passkey ? undefined : key
}

/** The device's passkey, as it was enrolled. */
export function ownPasskey(
  dependencies: Dependencies,
  knownDevice: KnownDevice,
): (DeviceKey & { readonly passkey: PasskeyFacts }) | undefined {
  const key = knownDevice.keys.find(({ passkey }) => passkey)
  const own = key && ownKey(dependencies, knownDevice, key.kid)
  return own?.passkey && { ...own, passkey: own.passkey }
}
