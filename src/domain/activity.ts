import type { ChallengeId, DeviceId, EnrolmentId, PortalSessionId, UserId } from './ids.ts'

/** Everything that can happen to a user, as the user sees it. A closed set. */
export type ActivityType =
  | 'user_imported'
  | 'preferences_changed'
  | 'enrolment_opened'
  | 'enrolment_claimed'
  | 'enrolment_cancelled'
  | 'enrolment_void'
  | 'device_added'
  | 'device_renamed'
  | 'device_unregistered'
  | 'device_suspended'
  | 'device_activated'
  | 'revoked_device_used'
  | 'portal_link_made'
  | 'portal_opened'
  | 'challenge_created'
  | 'challenge_resent'
  | 'challenge_approved'
  | 'challenge_denied'
  | 'challenge_reported'
  | 'challenge_expired'
  | 'challenge_cancelled'
  | 'number_failed'
  | 'passcode_used'
  | 'passcode_failed'
  | 'recovery_codes_made'
  | 'recovery_code_used'
  | 'temporary_code_made'
  | 'temporary_code_used'
  | 'test_pushed'
  /** What a relying party posted; the type in its own words is inside. */
  | 'posted'

/** What the service itself records; each type has one severity. */
export type OwnActivityType = Exclude<ActivityType, 'posted'>

export type Severity = 'info' | 'warning' | 'critical'

/**
 * Who did it: the user's own device, the user in the portal, a relying party's API key, an operator at the command line, or the
 * service itself.
 */
export type Actor =
  | `device:${DeviceId}`
  | `portal:${PortalSessionId}`
  | `api_key:${string}`
  | 'operator'
  | 'service'

/** One thing to record beside the change it belongs to, in the same statement or transaction. */
export type NewActivity = {
  readonly userId: UserId
  readonly type: ActivityType
  readonly severity: Severity
  readonly actor: Actor
  readonly challengeId?: ChallengeId
  readonly deviceId?: DeviceId
  readonly enrolmentId?: EnrolmentId
  /** Small facts to show; never a number, a code, a token or a key. */
  readonly details?: Readonly<Record<string, string | number | boolean>>
}

const severities: Record<OwnActivityType, Severity> = {
  user_imported: 'info',
  preferences_changed: 'warning',
  enrolment_opened: 'info',
  enrolment_claimed: 'warning',
  enrolment_cancelled: 'info',
  enrolment_void: 'warning',
  device_added: 'warning',
  device_renamed: 'info',
  device_unregistered: 'warning',
  device_suspended: 'warning',
  device_activated: 'warning',
  revoked_device_used: 'critical',
  portal_link_made: 'info',
  portal_opened: 'warning',
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
  recovery_codes_made: 'warning',
  recovery_code_used: 'warning',
  temporary_code_made: 'warning',
  temporary_code_used: 'warning',
  test_pushed: 'info',
}

/** Completes an activity with the severity that its type always has. */
export function activity(
  event: Omit<NewActivity, 'severity' | 'type'> & { readonly type: OwnActivityType },
): NewActivity {
  return { ...event, severity: severities[event.type] }
}
