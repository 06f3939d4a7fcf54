import type {
  ChallengeId,
  DeviceId,
  EnrollmentId,
  IntegrationId,
  PortalSessionId,
  UserId,
} from './ids.ts'

export const severityLevels = ['info', 'warning', 'critical'] as const
export type Severity = (typeof severityLevels)[number]

/**
 * Who acted: the user's own device, the user in the portal, a relying party's API key or
 * integration, an operator at the command line, or the service itself.
 */
export type Actor =
  | `device:${DeviceId}`
  | `portal:${PortalSessionId}`
  | `api_key:${string}`
  | `integration:${IntegrationId}`
  | 'operator'
  | 'service'

const severities = {
  user_imported: 'info',
  user_suspended: 'warning',
  user_activated: 'warning',
  push_sign_in_changed: 'info',
  preferences_changed: 'warning',
  enrollment_opened: 'info',
  enrollment_claimed: 'warning',
  enrollment_cancelled: 'info',
  enrollment_void: 'warning',
  typed_code_ended: 'info',
  enrollment_window_opened: 'critical',
  enrollment_window_closed: 'info',
  prompt_enrollment_opened: 'critical',
  device_added: 'critical',
  device_renamed: 'info',
  device_key_rotated: 'warning',
  device_unregistered: 'warning',
  device_suspended: 'warning',
  device_activated: 'warning',
  revoked_device_used: 'critical',
  portal_link_made: 'info',
  portal_opened: 'warning',
  data_exported: 'warning',
  erasure_requested: 'critical',
  challenge_created: 'info',
  challenge_resent: 'info',
  challenge_approved: 'info',
  challenge_denied: 'warning',
  challenge_reported: 'critical',
  challenge_expired: 'info',
  challenge_cancelled: 'info',
  number_failed: 'warning',
  passcode_used: 'info',
  passcode_failed: 'warning',
  recovery_codes_made: 'critical',
  recovery_code_used: 'critical',
  temporary_code_made: 'critical',
  temporary_code_used: 'critical',
  test_pushed: 'info',
  diagnostics_sent: 'info',
  push_locked: 'critical',
  push_unlocked: 'warning',
  push_paused: 'warning',
  activity_reported: 'critical',
} as const satisfies Readonly<Record<string, Severity>>

/** What the service itself records; each type has one severity. */
export type OwnActivityType = keyof typeof severities

/**
 * Everything that can happen to a user, as the user sees it; `posted` is a relying party's, whose
 * own type is inside.
 */
export type ActivityType = OwnActivityType | 'posted'
export const activityTypes: readonly ActivityType[] = [
  ...(Object.keys(severities) as OwnActivityType[]),
  'posted',
]

/** An activity to record together with its change, in the same statement or transaction. */
export type NewActivity = {
  readonly userId: UserId
  readonly type: ActivityType
  readonly severity: Severity
  readonly actor: Actor
  readonly challengeId?: ChallengeId
  readonly deviceId?: DeviceId
  readonly enrollmentId?: EnrollmentId
  /** Small facts to show; never a number, a code, a token or a key. */
  readonly details?: Readonly<Record<string, string | number | boolean>>
}

/** Completes an activity with the severity that its type always has. */
export function activity(
  event: Omit<NewActivity, 'severity' | 'type'> & { readonly type: OwnActivityType },
): NewActivity {
  return { ...event, severity: severities[event.type] }
}
