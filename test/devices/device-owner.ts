import { randomBytes } from 'node:crypto'
import { activity } from '../../src/domain/activity.ts'
import type { UnregisterReason } from '../../src/domain/device.ts'
import type { DeviceId } from '../../src/domain/ids.ts'
import { type aProof, aUser, type Stores } from '../support/stores.ts'
import { storesTest } from '../support/world-test.ts'

export const page = { limit: 100, before: null }

export function aToken(tokenHash: Uint8Array = randomBytes(32)) {
  return {
    provider: 'fcm',
    environment: 'production',
    appId: 'com.example.app',
    tokenSealed: randomBytes(80),
    tokenHash,
  } as const
}

/** A user of a tenant of its own, and what is done to its devices. */
async function aDeviceOwner(stores: Stores) {
  const user = await aUser(stores)
  const find = (id: DeviceId) => stores.devices.find(user.tenantId, id)
  const unregistration = (deviceIds: readonly DeviceId[], reason: UnregisterReason = 'lost') => {
    const { tenantId, userId } = user
    return { tenantId, userId, deviceIds, reason, actor: 'operator' } as const
  }
  const unregister = (deviceIds: readonly DeviceId[], reason?: UnregisterReason) =>
    stores.devices.unregister(unregistration(deviceIds, reason))
  const unregisterWithProof = (deviceIds: readonly DeviceId[], proof: ReturnType<typeof aProof>) =>
    stores.devices.unregisterWithProof(unregistration(deviceIds), proof)

  function renaming(id: DeviceId, to: string) {
    const about = { userId: user.userId, actor: 'operator', deviceId: id } as const
    return activity({ ...about, type: 'device_renamed', details: { to } })
  }

  return { user, find, unregister, unregisterWithProof, renaming }
}

/** A test with a user of its own. */
export const test = storesTest.extend('owner', ({ stores }) => aDeviceOwner(stores))
