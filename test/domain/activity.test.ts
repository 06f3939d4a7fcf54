import { expect, test } from 'vitest'
import { activity, type OwnActivityType } from '../../src/domain/activity.ts'
import { userId } from './examples.ts'

test.each<[OwnActivityType, string]>([
  ['user_imported', 'info'],
  ['enrollment_opened', 'info'],
  ['enrollment_claimed', 'warning'],
  ['enrollment_cancelled', 'info'],
  ['enrollment_void', 'warning'],
  ['typed_code_ended', 'info'],
  ['device_added', 'critical'],
  ['device_renamed', 'info'],
  ['device_unregistered', 'warning'],
  ['device_suspended', 'warning'],
  ['device_activated', 'warning'],
  ['challenge_created', 'info'],
  ['challenge_resent', 'info'],
  ['challenge_approved', 'info'],
  ['challenge_denied', 'warning'],
  ['challenge_reported', 'critical'],
  ['challenge_expired', 'info'],
  ['challenge_cancelled', 'info'],
  ['number_failed', 'warning'],
  ['passcode_used', 'info'],
  ['passcode_failed', 'warning'],
  ['recovery_codes_made', 'critical'],
  ['recovery_code_used', 'critical'],
  ['temporary_code_made', 'critical'],
  ['temporary_code_used', 'critical'],
  ['preferences_changed', 'warning'],
  ['test_pushed', 'info'],
  ['diagnostics_sent', 'info'],
])('%s is always recorded with severity %s', (type, severity) => {
  const event = { userId, type, actor: 'operator', details: { name: 'Phone' } } as const
  expect(activity(event)).toEqual({ ...event, severity })
})
