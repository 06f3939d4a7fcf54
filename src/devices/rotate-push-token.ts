import { workingStatuses } from '../domain/device.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { DeviceId, TenantId } from '../domain/ids.ts'
import { readWebPushToken } from '../domain/push-subscription.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Hashing, Sealing } from '../platform/world.ts'
import type { ProofRefusal } from './authenticate-device.ts'
import {
  authenticateDevice,
  type Dependencies as DeviceDependencies,
} from './authenticate-device.ts'
import type { DeviceStore, NewPushToken, SealedAddress } from './device.store.ts'
import type { PushAddress, StatedAddress } from './push-address.store.ts'
import { readStatedAddress, type Dependencies as StatedDependencies } from './stated-address.ts'

export type Dependencies = DeviceDependencies &
  StatedDependencies & {
    readonly devices: Pick<DeviceStore, 'setPushToken'>
    readonly hashing: Hashing
    readonly sealing: Sealing
  }

/**
 * Hash by which all devices with a token are found when a provider reports it dead; for a browser
 * its endpoint alone.
 */
export function pushTokenHash(
  hashing: Hashing,
  { provider, appId, token }: PushAddress,
): Uint8Array {
  const name = provider === 'web_push' ? readWebPushToken(token).endpoint : token
  return hashing.sha256(`${provider}:${appId}:${name}`)
}

function binding(tenantId: TenantId, deviceId: DeviceId): string {
  return `push-token:${tenantId}:${deviceId}`
}

/** A push address as it is stored: the token sealed for this device. */
export function sealPushToken(
  { hashing, sealing }: Pick<Dependencies, 'hashing' | 'sealing'>,
  tenantId: TenantId,
  deviceId: DeviceId,
  address: PushAddress,
): NonNullable<NewPushToken> {
  const { provider, environment, appId, token } = address
  return {
    provider,
    environment,
    appId,
    tokenSealed: sealing.seal(token, binding(tenantId, deviceId)),
    tokenHash: pushTokenHash(hashing, address),
  }
}

/** The push address of a device, ready to be used. */
export function openPushToken(
  { sealing }: { readonly sealing: Pick<Sealing, 'open'> },
  tenantId: TenantId,
  deviceId: DeviceId,
  { tokenSealed, ...address }: SealedAddress,
): PushAddress {
  return { ...address, token: sealing.open(tokenSealed, binding(tenantId, deviceId)) }
}

/**
 * Replaces a device's push token, or removes it. A token belongs to the app installation, so
 * setting it never detaches it from another device: nobody can mute another user by registering
 * their token.
 */
export async function rotatePushToken(
  dependencies: Dependencies,
  proof: DeviceProof,
  push: StatedAddress | null,
): Promise<ProofRefusal | Refusal<'proof_replayed' | 'invalid_request'> | undefined> {
  const device = await authenticateDevice(dependencies, proof, {
    statuses: workingStatuses,
  })
  if (isRefusal(device)) return device
  const address = push && (await readStatedAddress(dependencies, push, device.appId))
  if (address && isRefusal(address)) return address
  const token = address && sealPushToken(dependencies, device.tenantId, device.id, address)
  const result = await dependencies.devices.setPushToken(device.tenantId, device.id, token, proof)
  if (result === 'done') return undefined
  return refuse(result ?? 'device_unregistered')
}
