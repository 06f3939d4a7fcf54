// The end of a challenge as the statement that recorded it returns it, for those who wait for it in
// the same process.

import { readTime, readTimeOrNull } from '../../platform/postgres/column-types.ts'
import type { RecordedEnd } from '../challenge-answer.store.ts'
import {
  type DeviceProgressJson,
  deviceProgressJson,
  readDeviceProgress,
} from '../reading/device-progress.sql.ts'

export type RecordedEndJson = {
  readonly decidedAt: string
  readonly resendsLeft: number
  readonly lastPushAt: string | null
  readonly now: string
  readonly devices: DeviceProgressJson[] | null
}

/** The columns that the update of the challenge returns for it; `c` is the updated row. */
export const recordedEndColumns = 'c.tenant_id, c.id, c.decided_at, c.resends_left, c.last_push_at'

/**
 * As JSON, from the row that `recordedEndColumns` were returned in; the progress of devices is that
 * at the start of the statement.
 */
export const recordedEndJson = (c: string) => `
  json_build_object('decidedAt', ${c}.decided_at, 'resendsLeft', ${c}.resends_left,
    'lastPushAt', ${c}.last_push_at, 'now', clock_timestamp(),
    'devices', ${deviceProgressJson(`${c}.tenant_id`, `${c}.id`)})`

/** From the JSON. */
export function readRecordedEnd(end: RecordedEndJson): RecordedEnd {
  return {
    decidedAt: readTime(end.decidedAt),
    resendsLeft: end.resendsLeft,
    lastPushAt: readTimeOrNull(end.lastPushAt),
    now: readTime(end.now),
    devices: readDeviceProgress(end.devices ?? []),
  }
}
