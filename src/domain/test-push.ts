// A test push wakes a phone only to show that it can be woken: rate limits keep it from bothering
// anybody.

import type { Device } from './device.ts'
import { checkProtection, isAhead, type Protection, secondsUntil } from './protection.ts'
import { type Refusal, refuse } from './refusal.ts'

/** Seconds between two test pushes to one device. */
export const testPushGapSeconds = 10

/** Test pushes to one device within any hour. */
export const testPushesPerHourMax = 5

/** Why a device gets no test push. */
export type TestPushRefusal = Refusal<
  | 'device_unregistered'
  | 'device_suspended'
  | 'device_not_active'
  | 'user_suspended'
  | 'push_locked'
  | 'pushes_paused'
  | 'no_push_token'
>

/** Refuses a test push to a device that cannot be pushed, or to a user who may not get pushes. */
export function checkTestPush(
  { status, hasPushToken }: Pick<Device, 'status' | 'hasPushToken'>,
  protection: Protection,
  now: Date,
): TestPushRefusal | undefined {
  if (status === 'unregistered') return refuse('device_unregistered')
  if (status === 'suspended') return refuse('device_suspended')
  if (status === 'unconfirmed') return refuse('device_not_active')
  const refusal = checkProtection(protection, now)
  if (refusal) return refusal
  const { reportedUntil, pausedUntil } = protection
  if (isAhead(reportedUntil, now)) {
    return refuse('push_locked', {
      retryAfterSeconds: secondsUntil(reportedUntil, now),
      facts: { lock: 'reported' },
    })
  }
  if (isAhead(pausedUntil, now)) {
    return refuse('pushes_paused', { retryAfterSeconds: secondsUntil(pausedUntil, now) })
  }
  return hasPushToken ? undefined : refuse('no_push_token')
}
