import type { UserId } from '../domain/ids.ts'
import { type Revocation, readRevocation } from '../domain/revocation.ts'
import type { DeviceStore } from '../ports/device-store.ts'
import type { ApiKeyStore, UserStore } from '../ports/directory-store.ts'
import type { Signals } from '../ports/signals.ts'
import type { SuspensionStore } from '../ports/suspension-store.ts'
import { revocationPrefix } from './api-keys.ts'

export type Needs = {
  readonly devices: Pick<DeviceStore, 'find' | 'unregister'>
  readonly suspensions: Pick<SuspensionStore, 'suspendDevice' | 'suspendUser'>
  readonly users: Pick<UserStore, 'find'>
  readonly apiKeys: Pick<ApiKeyStore, 'findCredential' | 'revoke'>
  readonly signals: Pick<Signals, 'publish'>
}

/** How many things stood how. */
export type Applied = {
  /** Revoked now. */
  readonly applied: number
  /** Revoked before. */
  readonly already: number
  /** Not in this database: made after the backup, so nobody is believed by them. */
  readonly unknown: number
  /** Lines that are no revocations: cut off, or of something else. */
  readonly unreadable: number
}

type Outcome = 'applied' | 'already' | 'unknown'

/**
 * Applies the lines of a revocation log again, after the database was restored to an earlier state. It takes rights away and gives
 * none back: what is suspended in the database stays so. Applying the same lines again changes nothing.
 */
export async function applyRevocations(needs: Needs, lines: readonly string[]): Promise<Applied> {
  const read = lines.filter((line) => line.trim() !== '').map(readRevocation)
  const known = read.filter((one) => one !== undefined)
  const counts = { applied: 0, already: 0, unknown: 0, unreadable: read.length - known.length }
  for (const revocation of inForce(known)) counts[await apply(needs, revocation)]++
  return counts
}

/** What the lines come to: the last word on each thing, where the end of a device is always the last. */
function inForce(known: readonly Revocation[]): Revocation[] {
  const last = new Map<string, Revocation>()
  for (const one of known.toSorted((a, b) => a.at.getTime() - b.at.getTime())) {
    const subject = 'keyId' in one ? one.keyId : 'deviceId' in one ? one.deviceId : one.userId
    const name = `${one.tenantId} ${subject}`
    if (last.get(name)?.revocation !== 'device_unregistered') last.set(name, one)
  }
  return [...last.values()].filter(
    ({ revocation }) => revocation !== 'device_activated' && revocation !== 'user_activated',
  )
}

async function apply(needs: Needs, one: Revocation): Promise<Outcome> {
  if (one.revocation === 'api_key_revoked') return revokeKey(needs, one)
  if (!('deviceId' in one)) return suspendUser(needs, one)
  const { tenantId, deviceId } = one
  const device = await needs.devices.find(tenantId, deviceId)
  if (!device) return 'unknown'
  const { userId, status, enrolmentId } = device
  const about = { tenantId, userId, actor: 'operator' } as const
  const done =
    one.revocation === 'device_unregistered'
      ? await unregister(needs, { ...about, deviceIds: [deviceId], reason: one.reason })
      : status === 'active' && (await needs.suspensions.suspendDevice({ ...about, deviceId }))
  if (!done) return 'already'
  for (const id of [...done.endedChallenges, enrolmentId]) needs.signals.publish(id)
  return 'applied'
}

async function suspendUser(
  { users, suspensions, signals }: Needs,
  { tenantId, userId }: Pick<Revocation & { userId: UserId }, 'tenantId' | 'userId'>,
): Promise<Outcome> {
  if (!(await users.find(tenantId, userId))) return 'unknown'
  const done = await suspensions.suspendUser({ tenantId, userId, actor: 'operator' })
  if (!done) return 'already'
  for (const id of [...done.endedChallenges, ...done.endedEnrolments]) signals.publish(id)
  return 'applied'
}

async function unregister({ devices }: Needs, command: Parameters<DeviceStore['unregister']>[0]) {
  const done = await devices.unregister(command, null)
  if (done === 'proof_replayed') throw new Error('no proof was given to be replayed')
  return done.devices.length > 0 ? done : null
}

async function revokeKey(
  { apiKeys, signals }: Needs,
  { tenantId, keyId }: Extract<Revocation, { revocation: 'api_key_revoked' }>,
): Promise<Outcome> {
  const known = await apiKeys.findCredential(keyId)
  if (known?.key.tenantId !== tenantId) return 'unknown'
  if (known.key.revokedAt !== null) return 'already'
  await apiKeys.revoke(tenantId, keyId, 'operator')
  signals.publish(`${revocationPrefix}${keyId}`)
  return 'applied'
}
