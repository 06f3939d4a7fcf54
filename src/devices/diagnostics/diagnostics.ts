import { activity } from '../../domain/activity.ts'
import { workingStatuses } from '../../domain/device.ts'
import type { DeviceProof } from '../../domain/device-proof.ts'
import type { DiagnosticsId } from '../../domain/ids.ts'
import type { Principal } from '../../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import { diagnosticsPerHourMax } from '../../domain/retention.ts'
import type { PageRequest } from '../../platform/paging.ts'
import type { Random } from '../../platform/world.ts'
import type { ProofRefusal } from '../authenticate-device.ts'
import {
  authenticateDevice,
  type Dependencies as DeviceDependencies,
} from '../authenticate-device.ts'
import type { Diagnostics, DiagnosticsStore } from './diagnostics.store.ts'

type StoreDependencies = { readonly diagnostics: DiagnosticsStore }
export type Dependencies = DeviceDependencies &
  StoreDependencies & { readonly random: Pick<Random, 'id'> }

/**
 * Stores the part of its own log that an app sends, for the admins of its tenant; the incident is
 * what the person gives them.
 */
export async function sendDiagnostics(
  dependencies: Dependencies,
  proof: DeviceProof,
  { appVersion, text }: { readonly appVersion: string; readonly text: string },
): Promise<
  | { readonly incidentId: DiagnosticsId }
  | ProofRefusal
  | Refusal<'proof_replayed' | 'conflict' | 'too_many_diagnostics'>
> {
  const requirement = { statuses: workingStatuses }
  const device = await authenticateDevice(dependencies, proof, requirement)
  if (isRefusal(device)) return device
  const { tenantId, userId, id: deviceId } = device
  const id = dependencies.random.id('diagnostics')
  const result = await dependencies.diagnostics.create(
    { tenantId, id, userId, deviceId, appVersion, text },
    diagnosticsPerHourMax,
    activity({
      userId,
      type: 'diagnostics_sent',
      actor: `device:${deviceId}`,
      deviceId,
      details: { incident: id },
    }),
    proof,
  )
  switch (result.kind) {
    case 'added':
      return { incidentId: id }
    case 'too_many':
      return refuse('too_many_diagnostics', { retryAfterSeconds: result.retryAfterSeconds })
    case 'proof_replayed':
    case 'proof_invalid':
      return refuse(result.kind)
    case 'device_gone': {
      const currentDevice = await authenticateDevice(dependencies, proof, requirement)
      return isRefusal(currentDevice) ? currentDevice : refuse('conflict', { retryAfterSeconds: 1 })
    }
  }
}

/** A page of the diagnostics that the apps of the tenant sent, newest first, without the texts. */
export function listDiagnostics(
  { diagnostics }: StoreDependencies,
  { tenantId }: Principal,
  page: PageRequest,
): Promise<Diagnostics[]> {
  return diagnostics.list(tenantId, page)
}

/** One of the diagnostics, with its text. */
export async function readDiagnostics(
  { diagnostics }: StoreDependencies,
  { tenantId }: Principal,
  id: DiagnosticsId,
): Promise<(Diagnostics & { readonly text: string }) | Refusal<'not_found'>> {
  return (await diagnostics.find(tenantId, id)) ?? refuse('not_found')
}
