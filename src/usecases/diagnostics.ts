import { activity } from '../domain/activity.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { DiagnosticsId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import { diagnosticsPerHourMax } from '../domain/retention.ts'
import type { Diagnostics, DiagnosticsStore } from '../ports/diagnostics-store.ts'
import type { PageRequest } from '../ports/directory-store.ts'
import type { Random } from '../ports/world.ts'
import { authenticateDevice, type Needs as DeviceNeeds } from './authenticate-device.ts'

type StoreNeeds = { readonly diagnostics: DiagnosticsStore }
export type Needs = DeviceNeeds & StoreNeeds & { readonly random: Pick<Random, 'id'> }

/** Keeps what an app sends of its own log, for the admins of its tenant; the incident is what the person tells them. */
export async function sendDiagnostics(
  needs: Needs,
  proof: DeviceProof,
  { appVersion, text }: { readonly appVersion: string; readonly text: string },
): Promise<{ readonly incidentId: DiagnosticsId } | Refusal> {
  const requirement = { statuses: ['active', 'unconfirmed'] } as const
  const device = await authenticateDevice(needs, proof, requirement)
  if (isRefusal(device)) return device
  const { tenantId, userId, id: deviceId } = device
  const id = needs.random.id('diagnostics')
  const added = await needs.diagnostics.add(
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
  switch (added.kind) {
    case 'added':
      return { incidentId: id }
    case 'too_many':
      return refuse('too_many_diagnostics', { retryAfterSeconds: added.retryAfterSeconds })
    case 'proof_replayed':
      return refuse('proof_replayed')
    case 'device_gone': {
      const standing = await authenticateDevice(needs, proof, requirement)
      return isRefusal(standing) ? standing : refuse('conflict', { retryAfterSeconds: 1 })
    }
  }
}

/** A page of what the apps of the tenant sent, newest first, without the texts. */
export function listDiagnostics(
  { diagnostics }: StoreNeeds,
  { tenantId }: Principal,
  page: PageRequest,
): Promise<Diagnostics[]> {
  return diagnostics.list(tenantId, page)
}

/** One of them, with its text. */
export async function readDiagnostics(
  { diagnostics }: StoreNeeds,
  { tenantId }: Principal,
  id: DiagnosticsId,
): Promise<(Diagnostics & { readonly text: string }) | Refusal> {
  return (await diagnostics.find(tenantId, id)) ?? refuse('not_found')
}
