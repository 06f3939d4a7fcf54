// A user's own devices in the portal. Ending or suspending one takes no more than the session, and
// asks nothing of the device that is to be ended.

import { notifySuspension, renaming } from '../devices/change-device.ts'
import type { DeviceStore } from '../devices/device.store.ts'
import { type NotifyDependencies, notifyUnregistration } from '../devices/unregister-devices.ts'
import type { Device, UnregisterReason } from '../domain/device.ts'
import type { DeviceId } from '../domain/ids.ts'
import type { PortalSession } from '../domain/portal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import {
  type PushReport,
  type ReportDependencies,
  reportPushes,
} from '../push/doctor/read-pushes.ts'
import type { PortalStore } from './portal.store.ts'

/** The user's devices that are not unregistered, newest first. */
export async function listPortalDevices(
  { devices }: { readonly devices: Pick<DeviceStore, 'listOfUser'> },
  { tenantId, userId }: PortalSession,
): Promise<readonly Device[]> {
  const all = await devices.listOfUser(tenantId, userId)
  return all.filter(({ status }) => status !== 'unregistered')
}

/** One of the user's devices, even an unregistered one. */
export async function readPortalDevice(
  { devices }: { readonly devices: Pick<DeviceStore, 'find'> },
  { tenantId, userId }: PortalSession,
  id: DeviceId,
): Promise<Device | Refusal<'not_found'>> {
  const device = await devices.find(tenantId, id)
  return device?.userId === userId ? device : refuse('not_found')
}

/** The last pushes to one of the user's devices, and what would help. */
export async function readPortalPushes(
  dependencies: ReportDependencies & { readonly devices: Pick<DeviceStore, 'find'> },
  session: PortalSession,
  id: DeviceId,
): Promise<PushReport | Refusal<'not_found'>> {
  const device = await readPortalDevice(dependencies, session, id)
  return isRefusal(device) ? device : reportPushes(dependencies, device, null)
}

/**
 * Unregisters one of the user's own devices permanently: the lost phone. Doing it twice changes
 * nothing.
 */
export async function unregisterFromPortal(
  dependencies: NotifyDependencies & {
    readonly devices: Pick<DeviceStore, 'find'>
    readonly portal: Pick<PortalStore, 'unregisterDevice'>
    readonly userQueue: UserQueue
  },
  session: PortalSession,
  id: DeviceId,
  reason: UnregisterReason,
): Promise<Device | Refusal<'portal_session_invalid' | 'too_many_requests' | 'not_found'>> {
  const device = await readPortalDevice(dependencies, session, id)
  if (isRefusal(device)) return device
  const { tenantId, userId, id: sessionId } = session
  const actor = `portal:${sessionId}` as const
  const command = { tenantId, userId, deviceIds: [id], reason, actor }
  const result = await dependencies.userQueue.run(command, actor, () =>
    dependencies.portal.unregisterDevice(session, command),
  )
  if (result === 'session_gone') return refuse('portal_session_invalid')
  if (isRefusal(result)) return result
  await notifyUnregistration(dependencies, result)
  return (await dependencies.devices.find(tenantId, id)) ?? refuse('not_found')
}

/** Gives one of the user's devices another name. */
export async function renameFromPortal(
  dependencies: {
    readonly devices: Pick<DeviceStore, 'find'>
    readonly portal: Pick<PortalStore, 'renameDevice'>
    readonly userQueue: UserQueue
  },
  session: PortalSession,
  id: DeviceId,
  name: string,
): Promise<
  | Device
  | Refusal<'portal_session_invalid' | 'too_many_requests' | 'not_found' | 'device_unregistered'>
> {
  const device = await readPortalDevice(dependencies, session, id)
  if (isRefusal(device) || device.name === name) return device
  const actor = `portal:${session.id}` as const
  const event = renaming(device, name, actor)
  const result = await dependencies.userQueue.run(session, actor, () =>
    dependencies.portal.renameDevice(session, id, name, event),
  )
  return result === 'session_gone'
    ? refuse('portal_session_invalid')
    : (result ?? refuse('device_unregistered'))
}

/**
 * Suspends one of the user's devices. When this resolves, no answer of it counts; only the
 * organisation makes it active again, or a thief with a stolen session could undo what its owner
 * did. Doing it twice changes nothing.
 */
export async function suspendFromPortal(
  dependencies: NotifyDependencies & {
    readonly devices: Pick<DeviceStore, 'find'>
    readonly portal: Pick<PortalStore, 'suspendDevice'>
    readonly userQueue: UserQueue
  },
  session: PortalSession,
  id: DeviceId,
): Promise<
  | Device
  | Refusal<
      | 'portal_session_invalid'
      | 'not_found'
      | 'too_many_requests'
      | 'device_unregistered'
      | 'device_not_active'
    >
> {
  const device = await readPortalDevice(dependencies, session, id)
  if (isRefusal(device) || device.status === 'suspended') return device
  if (device.status === 'unregistered') return refuse('device_unregistered')
  if (device.status === 'unconfirmed') return refuse('device_not_active')
  const { tenantId, userId } = session
  const actor = `portal:${session.id}` as const
  const command = { tenantId, userId, deviceId: id, actor }
  const result = await dependencies.userQueue.run(command, actor, () =>
    dependencies.portal.suspendDevice(session, command),
  )
  if (result === 'session_gone') return refuse('portal_session_invalid')
  if (isRefusal(result)) return result
  if (result) await notifySuspension(dependencies, command, result)
  return readPortalDevice(dependencies, session, id)
}
