// How far each device of a challenge has come, as JSON in one column of its row.

import { readTimeOrNull } from '../../platform/postgres/column-types.ts'
import type { DeviceProgress } from './device-progress.store.ts'

/** A device's progress as JSON: its times are texts. */
export type DeviceProgressJson = {
  readonly deviceId: DeviceProgress['deviceId']
  readonly fetchedAt: string | null
  readonly receivedAt: string | null
  readonly status: NonNullable<DeviceProgress['push']>['status'] | null
  readonly reason: string | null
  readonly attempts: number
  readonly settledAt: string | null
}

/**
 * The progress of all devices of the challenge with these keys; null without devices. `is true`
 * keeps the device out of every index: it may have been sent thousands of pushes, the challenge a
 * few.
 */
export const deviceProgressJson = (tenantId: string, challengeId: string) => `
  (select json_agg(json_build_object('deviceId', t.device_id, 'fetchedAt', t.fetched_at,
      'receivedAt', t.received_at, 'status', o.status, 'reason', o.reason, 'attempts', o.attempts,
      'settledAt', o.settled_at) order by t.device_id)
    from challenge_targets t
    left join lateral (
      select d.status, d.reason, d.attempts, d.settled_at from deliveries d
      where d.tenant_id = t.tenant_id and d.challenge_id = t.challenge_id
        and (d.device_id = t.device_id) is true and d.kind = 'challenge_opened'
      order by d.id desc limit 1
    ) o on true
    where t.tenant_id = ${tenantId} and t.challenge_id = ${challengeId})`

/** From the JSON. */
export function readDeviceProgress(devices: readonly DeviceProgressJson[]): DeviceProgress[] {
  return devices.map((device) => ({
    deviceId: device.deviceId,
    fetchedAt: readTimeOrNull(device.fetchedAt),
    receivedAt: readTimeOrNull(device.receivedAt),
    push: device.status && {
      status: device.status,
      reason: device.reason,
      attempts: device.attempts,
      settledAt: readTimeOrNull(device.settledAt),
    },
  }))
}
