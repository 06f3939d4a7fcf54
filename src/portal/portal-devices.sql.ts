// What users do to their devices in the portal, written only while their session is live.

import { unregisterDevices } from '../devices/device-unregistration.sql.ts'
import { changeLiveDevice, lockUserRow } from '../devices/devices.sql.ts'
import { suspendDeviceOf } from '../devices/suspensions.sql.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import type { Random } from '../platform/world.ts'
import { lockPortalSession } from '../protection/portal-session.sql.ts'
import type { LiveSession, PortalStore } from './portal.store.ts'

/**
 * Each locks user, session, device and challenges, in this order: what ends the session in the same
 * moment either waits for the change or is found by it.
 */
export function buildPortalDevices(
  database: Database,
  random: Pick<Random, 'id'>,
): Pick<PortalStore, 'renameDevice' | 'suspendDevice' | 'unregisterDevice'> {
  /** Runs the work, unless the session is not live any more. */
  const whileLive = <T>(
    { tenantId, userId, id }: LiveSession,
    needs: 'any' | 'link',
    work: (tx: Queries) => Promise<T>,
  ): Promise<T | 'session_gone'> =>
    database.transaction(async (tx) => {
      await lockUserRow(tx, tenantId, userId)
      if (!(await lockPortalSession(tx, tenantId, id, needs))) return 'session_gone'
      return work(tx)
    })

  return {
    renameDevice: (session, deviceId, name, event) =>
      whileLive(session, 'link', (tx) =>
        changeLiveDevice(tx, random, session.tenantId, deviceId, { name }, event),
      ),

    suspendDevice: (session, command) =>
      whileLive(session, 'any', (tx) => suspendDeviceOf(tx, random, command)),

    unregisterDevice: (session, command) =>
      whileLive(session, 'any', (tx) => unregisterDevices(tx, random, command)),
  }
}
