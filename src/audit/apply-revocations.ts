import type { DeviceStore } from '../devices/device.store.ts'
import type { SuspensionStore } from '../devices/suspension.store.ts'
import {
  buildRevocationSummary,
  type RemovalOfRights,
  type RevocationOf,
  readRevocation,
} from '../domain/revocation.ts'
import type { IntegrationStore } from '../doors/integration.store.ts'
import type { Signals } from '../platform/signals.ts'
import { revocationPrefix } from '../tenants/api-keys.ts'
import type { ApiKeyStore } from '../tenants/directory.store.ts'
import type { UserStore } from '../users/user.store.ts'
import type { EndpointKey, WebhookEndpointStore } from '../webhooks/webhook.store.ts'

export type Dependencies = {
  readonly devices: Pick<DeviceStore, 'find' | 'findKnown' | 'unregister'>
  readonly suspensions: Pick<SuspensionStore, 'suspendDevice' | 'suspendUser'>
  readonly users: Pick<UserStore, 'find'>
  readonly apiKeys: Pick<ApiKeyStore, 'findCredential' | 'revoke'>
  readonly integrations: Pick<IntegrationStore, 'find' | 'change' | 'endCredential' | 'remove'>
  readonly webhookEndpoints: Pick<WebhookEndpointStore, 'find' | 'change' | 'remove'>
  readonly signals: Pick<Signals, 'publish'>
}

/** How many revocations had which outcome. */
export type RevocationCounts = {
  /** Revoked now. */
  readonly applied: number
  /** Revoked before. */
  readonly already: number
  /**
   * Not in this database: created after the backup, or removed before it, so that it grants no
   * access.
   */
  readonly unknown: number
  /** Lines that are no revocations: truncated, or of another kind. */
  readonly unreadable: number
}

type Outcome = 'applied' | 'already' | 'unknown'

const actor = 'operator'

/**
 * Applies the lines of a revocation log again after the database was restored to an earlier state.
 * It takes rights away and gives none back: what is suspended in the database stays so. Applying
 * the same lines again changes nothing. A line that is null was too long to be read. Memory holds
 * the revoked things, not the lines.
 */
export async function applyRevocations(
  dependencies: Dependencies,
  lines: AsyncIterable<string | null>,
): Promise<RevocationCounts> {
  const counts = { applied: 0, already: 0, unknown: 0, unreadable: 0 }
  const latestRevocations = buildRevocationSummary()
  for await (const line of lines) {
    if (line?.trim() === '') continue
    const revocation = line === null ? undefined : readRevocation(line)
    if (revocation) latestRevocations.add(revocation)
    else counts.unreadable++
  }
  for (const revocation of latestRevocations.inForce())
    counts[await apply(dependencies, revocation)]++
  return counts
}

function apply(dependencies: Dependencies, one: RemovalOfRights): Promise<Outcome> {
  switch (one.revocation) {
    case 'device_unregistered':
    case 'device_suspended':
      return endDevice(dependencies, one)
    case 'device_key_replaced':
      return endReplacedKey(dependencies, one)
    case 'user_suspended':
      return suspendUser(dependencies, one)
    case 'api_key_revoked':
      return revokeKey(dependencies, one)
    case 'integration_removed':
      return removeIntegration(dependencies, one)
    case 'integration_paused':
      return pauseIntegration(dependencies, one)
    case 'integration_credential_ended':
      return endCredential(dependencies, one)
    case 'webhook_endpoint_removed':
    case 'webhook_endpoint_paused':
      return endEndpoint(dependencies, one)
  }
}

async function endDevice(
  dependencies: Dependencies,
  one: RevocationOf<'device_unregistered' | 'device_suspended'>,
): Promise<Outcome> {
  const { tenantId, deviceId } = one
  const device = await dependencies.devices.find(tenantId, deviceId)
  if (!device) return 'unknown'
  const { userId, status, enrollmentId } = device
  const about = { tenantId, userId, actor } as const
  const result =
    one.revocation === 'device_unregistered'
      ? await unregister(dependencies, { ...about, deviceIds: [deviceId], reason: one.reason })
      : status === 'active' &&
        (await dependencies.suspensions.suspendDevice({ ...about, deviceId }))
  if (!result) return 'already'
  for (const id of [...result.endedChallenges, enrollmentId]) dependencies.signals.publish(id)
  return 'applied'
}

/** The key that replaced it is not in the backup: the device has none that may count. */
async function endReplacedKey(
  dependencies: Dependencies,
  { tenantId, userId, deviceId, kid, at }: RevocationOf<'device_key_replaced'>,
): Promise<Outcome> {
  const knownDevice = await dependencies.devices.findKnown(tenantId, deviceId)
  if (!knownDevice) return 'unknown'
  if (!knownDevice.keys.some((key) => key.kid === kid)) return 'already'
  const about = { tenantId, userId, deviceId, at }
  return endDevice(dependencies, { revocation: 'device_unregistered', ...about, reason: 'admin' })
}

async function suspendUser(
  { users, suspensions, signals }: Dependencies,
  { tenantId, userId }: RevocationOf<'user_suspended'>,
): Promise<Outcome> {
  if (!(await users.find(tenantId, userId))) return 'unknown'
  const result = await suspensions.suspendUser({ tenantId, userId, actor })
  if (!result) return 'already'
  for (const id of [...result.endedChallenges, ...result.endedEnrollments]) signals.publish(id)
  return 'applied'
}

async function unregister(
  { devices }: Dependencies,
  command: Parameters<DeviceStore['unregister']>[0],
) {
  const result = await devices.unregister(command)
  return result.devices.length > 0 ? result : null
}

async function revokeKey(
  { apiKeys, signals }: Dependencies,
  { tenantId, keyId }: RevocationOf<'api_key_revoked'>,
): Promise<Outcome> {
  const credential = await apiKeys.findCredential(keyId)
  if (credential?.key.tenantId !== tenantId) return 'unknown'
  if (credential.key.revokedAt !== null) return 'already'
  await apiKeys.revoke(tenantId, keyId, actor)
  signals.publish(`${revocationPrefix}${keyId}`)
  return 'applied'
}

async function removeIntegration(
  { integrations, signals }: Dependencies,
  { tenantId, integrationId }: RevocationOf<'integration_removed'>,
): Promise<Outcome> {
  if (!(await integrations.remove(tenantId, integrationId, actor))) return 'unknown'
  signals.publish(`${revocationPrefix}${integrationId}`)
  return 'applied'
}

async function pauseIntegration(
  { integrations, signals }: Dependencies,
  { tenantId, integrationId }: RevocationOf<'integration_paused'>,
): Promise<Outcome> {
  for (;;) {
    const was = await integrations.find(tenantId, integrationId)
    if (!was) return 'unknown'
    if (was.status === 'paused') return 'already'
    // Changed concurrently: re-read it.
    if (!(await integrations.change(was, { ...was, status: 'paused' }, null, actor))) continue
    signals.publish(`${revocationPrefix}${integrationId}`)
    return 'applied'
  }
}

async function endCredential(
  { integrations, signals }: Dependencies,
  {
    tenantId,
    integrationId,
    credentialId: id,
    endsAt,
  }: RevocationOf<'integration_credential_ended'>,
): Promise<Outcome> {
  const result = await integrations.endCredential({ tenantId, integrationId, id, endsAt }, actor)
  if (result !== 'done') return result === 'ended' ? 'already' : 'unknown'
  signals.publish(`${revocationPrefix}${integrationId}`)
  return 'applied'
}

async function endEndpoint(
  { webhookEndpoints }: Dependencies,
  one: RevocationOf<'webhook_endpoint_removed' | 'webhook_endpoint_paused'>,
): Promise<Outcome> {
  const { tenantId, rpId, endpointId: id } = one
  const key: EndpointKey = { tenantId, rpId, id }
  const endpoint = await webhookEndpoints.find(key)
  if (!endpoint) return 'unknown'
  if (one.revocation === 'webhook_endpoint_removed') {
    return (await webhookEndpoints.remove(key, actor)) ? 'applied' : 'unknown'
  }
  if (endpoint.status !== 'active') return 'already'
  return (await webhookEndpoints.change(key, { status: 'paused' }, actor)) ? 'applied' : 'unknown'
}
