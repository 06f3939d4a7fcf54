// The push doctor: why pushes do not reach a device, for its user and for the help desk.

import {
  authenticateDevice,
  type Dependencies as DeviceDependencies,
  type ProofRefusal,
} from '../../devices/authenticate-device.ts'
import { type Dependencies as ReadDependencies, readDevice } from '../../devices/read-devices.ts'
import { type Device, workingStatuses } from '../../domain/device.ts'
import type { DeviceProof } from '../../domain/device-proof.ts'
import type { DeviceId } from '../../domain/ids.ts'
import type { Principal } from '../../domain/principal.ts'
import {
  advisePushes,
  type PushAdvice,
  type PushRecord,
  pushesShownMax,
} from '../../domain/push-advice.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type { PushHistoryStore } from './push-history.store.ts'

/** The last pushes of a device, and what would help. */
export type PushReport = {
  readonly pushes: readonly PushRecord[]
  readonly advice: readonly PushAdvice[]
  /** Known only where the device itself has just signed. */
  readonly clockSkewMs: number | null
  readonly serverTime: Date
}

export type ReportDependencies = { readonly pushHistory: PushHistoryStore }

/** The report about a device that the caller may read. */
export async function reportPushes(
  { pushHistory }: ReportDependencies,
  { tenantId, id, status, hasPushToken }: Device,
  clockSkewMs: number | null,
): Promise<PushReport | Refusal<'not_found'>> {
  const history = await pushHistory.find(tenantId, id, pushesShownMax)
  if (!history) return refuse('not_found')
  const { now: serverTime, pushes } = history
  const advice = advisePushes({ ...history, status, hasPushToken, clockSkewMs })
  return { pushes, advice, clockSkewMs, serverTime }
}

/** The last pushes of a device of a user that the relying party may see. */
export async function readPushes(
  dependencies: ReadDependencies & ReportDependencies,
  principal: Principal,
  deviceId: DeviceId,
): Promise<PushReport | Refusal<'not_found'>> {
  const device = await readDevice(dependencies, principal, deviceId)
  return isRefusal(device) ? device : reportPushes(dependencies, device, null)
}

/**
 * The last pushes of the calling device. Open to apps that the tenant no longer accepts: what is
 * wrong with an old app must be visible in it.
 */
export async function readOwnPushes(
  dependencies: DeviceDependencies & ReportDependencies,
  proof: DeviceProof,
): Promise<PushReport | ProofRefusal | Refusal<'not_found'>> {
  const device = await authenticateDevice(dependencies, proof, {
    statuses: workingStatuses,
    anyApp: true,
  })
  return isRefusal(device) ? device : reportPushes(dependencies, device, proof.clockSkewMs)
}
