// What must not be forgotten when a database is restored to an earlier state: the lines of the revocation log.

import type { UnregisterReason } from './device.ts'
import { type ApiKeyId, type DeviceId, isId, type TenantId, type UserId } from './ids.ts'

type Common = { readonly tenantId: TenantId; readonly at: Date }
type OfUser = Common & { readonly userId: UserId }
type OfDevice = OfUser & { readonly deviceId: DeviceId }

/** A revocation, or the end of a suspension. `at` is the database's time of the change. */
export type Revocation =
  | (OfDevice & {
      readonly revocation: 'device_unregistered'
      readonly reason: UnregisterReason
    })
  | (OfDevice & { readonly revocation: 'device_suspended' | 'device_activated' })
  | (OfUser & { readonly revocation: 'user_suspended' | 'user_activated' })
  | (Common & { readonly revocation: 'api_key_revoked'; readonly keyId: ApiKeyId })

const reasons: Record<UnregisterReason, true> = {
  lost: true,
  stolen: true,
  replaced: true,
  user_request: true,
  admin: true,
  not_confirmed: true,
}

function isReason(text: unknown): text is UnregisterReason {
  return typeof text === 'string' && Object.hasOwn(reasons, text)
}

/** The revocation as a line of the log, without its end; `revocation` stands first, so that lines can be found among others. */
export function revocationLine({ revocation, ...facts }: Revocation): string {
  return JSON.stringify({ revocation, ...facts })
}

/** A line of the log; undefined when it is none, or was cut off. Whatever else stands in it is left alone. */
export function readRevocation(line: string): Revocation | undefined {
  const given = parse(line)
  const at = new Date(typeof given?.at === 'string' ? given.at : '')
  const { tenantId } = given ?? {}
  if (!given || !isOf('tenant', tenantId) || Number.isNaN(at.getTime())) return undefined
  const { revocation, userId, deviceId, keyId, reason } = given
  if (revocation === 'api_key_revoked') {
    return isOf('apiKey', keyId) ? { revocation, tenantId, keyId, at } : undefined
  }
  if (!isOf('user', userId)) return undefined
  if (revocation === 'user_suspended' || revocation === 'user_activated') {
    return { revocation, tenantId, userId, at }
  }
  if (!isOf('device', deviceId)) return undefined
  const device = { tenantId, userId, deviceId, at }
  if (revocation === 'device_suspended' || revocation === 'device_activated') {
    return { revocation, ...device }
  }
  return revocation === 'device_unregistered' && isReason(reason)
    ? { revocation, ...device, reason }
    : undefined
}

function isOf<K extends Parameters<typeof isId>[0]>(kind: K, id: unknown) {
  return typeof id === 'string' && isId(kind, id)
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
