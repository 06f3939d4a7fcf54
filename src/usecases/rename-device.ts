import { activity } from '../domain/activity.ts'
import type { Device } from '../domain/device.ts'
import type { DeviceId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { DeviceStore } from '../ports/device-store.ts'
import { type Needs as ReadNeeds, readDevice } from './read-devices.ts'

export type Needs = ReadNeeds & { readonly devices: Pick<DeviceStore, 'change'> }

/** Gives a device another name, on behalf of its user. */
export async function renameDevice(
  needs: Needs,
  principal: Principal,
  id: DeviceId,
  name: string,
): Promise<Device | Refusal> {
  const device = await readDevice(needs, principal, id)
  if (isRefusal(device)) return device
  const renamed = await needs.devices.change(
    principal.tenantId,
    id,
    { name },
    activity({
      userId: device.userId,
      type: 'device_renamed',
      actor: `api_key:${principal.keyId}`,
      deviceId: id,
      details: { from: device.name, to: name },
    }),
    null,
  )
  if (renamed === 'proof_replayed') throw new Error('no proof was given to be replayed')
  return renamed ?? refuse('device_unregistered')
}
