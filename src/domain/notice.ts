// Which activities a user is told of by a push, and to which devices.

import type { ActivityType, Actor, Severity } from './activity.ts'
import type { ActivityId, DeviceId } from './ids.ts'

/** What a user may set a wish for. */
export type NoticeCategory = 'security' | 'devices' | 'sign_in' | 'relying_party'
/** `push`: told at once and listed; `in_app`: listed; `off`: not even listed to devices. */
export type NoticeChannel = 'push' | 'in_app' | 'off'
export type NoticePreferences = Readonly<Record<NoticeCategory, NoticeChannel>>

/** The channels of each category, its default first. What protects the account can be made quiet, never invisible. */
export const noticeChannels = {
  security: ['push', 'in_app'],
  devices: ['push', 'in_app'],
  // Recorded on the path that somebody waits on, which owes no pushes; the person was asked a moment ago anyway.
  sign_in: ['in_app', 'off'],
  relying_party: ['push', 'in_app', 'off'],
} as const satisfies Record<NoticeCategory, readonly NoticeChannel[]>

const categories = Object.keys(noticeChannels) as NoticeCategory[]

/** The preferences in force. Whatever is stored and not a channel of its category falls back to the default. */
export function preferencesOf(stored: unknown): NoticePreferences {
  const given =
    typeof stored === 'object' && stored !== null
      ? (stored as Readonly<Record<string, unknown>>)
      : {}
  const chosen = categories.map((category) => {
    const channels: readonly NoticeChannel[] = noticeChannels[category]
    return [category, channels.find((channel) => channel === given[category]) ?? channels[0]]
  })
  return Object.fromEntries(chosen) as NoticePreferences
}

type Notice = { readonly category: NoticeCategory; readonly pushed: boolean }
const quiet = (category: NoticeCategory): Notice => ({ category, pushed: false })
const loud = (category: NoticeCategory): Notice => ({ category, pushed: true })

// What people do on the sign-in page or read there anyway is quiet. Whatever is critical is pushed, quiet or not.
const notices: Record<ActivityType, Notice> = {
  user_imported: quiet('security'),
  user_suspended: loud('security'),
  user_activated: loud('security'),
  preferences_changed: loud('security'),
  enrolment_opened: quiet('devices'),
  enrolment_claimed: loud('devices'),
  enrolment_cancelled: quiet('devices'),
  enrolment_void: loud('devices'),
  // Outsiders bring it about, with nothing but a name.
  typed_code_ended: quiet('devices'),
  device_added: loud('devices'),
  device_renamed: loud('devices'),
  device_unregistered: loud('devices'),
  device_suspended: loud('devices'),
  device_activated: loud('devices'),
  // An app that its own person removed asks once more; a lost phone that is used is critical, and pushed for that.
  revoked_device_used: quiet('security'),
  portal_link_made: quiet('security'),
  portal_opened: loud('security'),
  challenge_created: quiet('sign_in'),
  challenge_resent: quiet('sign_in'),
  challenge_approved: quiet('sign_in'),
  challenge_denied: quiet('sign_in'),
  challenge_reported: loud('security'),
  challenge_expired: quiet('sign_in'),
  challenge_cancelled: quiet('sign_in'),
  number_failed: loud('security'),
  passcode_used: loud('security'),
  passcode_failed: quiet('security'),
  recovery_codes_made: loud('security'),
  recovery_code_used: loud('security'),
  temporary_code_made: loud('security'),
  temporary_code_used: loud('security'),
  test_pushed: quiet('devices'),
  diagnostics_sent: quiet('devices'),
  push_locked: loud('security'),
  push_unlocked: loud('security'),
  push_paused: loud('security'),
  activity_reported: loud('security'),
  posted: loud('relying_party'),
}

/** Types that a user with these preferences does not want to see on devices. */
export function hiddenTypes(preferences: NoticePreferences): ActivityType[] {
  const types = Object.keys(notices) as ActivityType[]
  return types.filter((type) => preferences[notices[type].category] === 'off')
}

type Told = { readonly type: ActivityType; readonly severity: Severity }

/** Whether an activity is owed to the user as a push when it is recorded; preferences and limits are judged when it is sent. */
export function isOwed({ type, severity }: Told): boolean {
  if (severity === 'critical') return true
  return notices[type].pushed && (type !== 'posted' || severity !== 'info')
}

/** What became of telling the user. `waiting`: critical, and the hour's pushes are used up; it is told as soon as one is free. */
export type NoticeOutcome =
  | 'waiting'
  | 'pushed'
  | 'merged'
  | 'in_app'
  | 'over_limit'
  | 'no_device'
  | 'stale'

export type OwedActivity = Told & {
  readonly id: ActivityId
  readonly actor: Actor
  readonly recordedAt: Date
}

export type NoticeFacts = {
  readonly now: Date
  readonly owed: readonly OwedActivity[]
  readonly preferences: NoticePreferences
  readonly activityPushesPerHourMax: number
  /** Active devices of the user that have a push address. */
  readonly deviceIds: readonly DeviceId[]
}

/** One push about several activities; it costs one of the user's hour. */
export type NoticePush = {
  readonly activityIds: readonly ActivityId[]
  readonly deviceIds: readonly DeviceId[]
  /** Pushes of the last hour up to which this one may still be owed. */
  readonly pushesMax: number
  /** What becomes of the activities when the hour's pushes are used up. */
  readonly otherwise: 'waiting' | 'over_limit'
}

export type NoticePlan = {
  readonly settled: readonly {
    readonly outcome: 'in_app' | 'no_device' | 'stale'
    readonly activityIds: readonly ActivityId[]
  }[]
  /** The most urgent first. */
  readonly pushes: readonly NoticePush[]
}

/** A push about an activity is worthless after this long. */
export const noticeLifetimeSeconds = 3600
// A critical one may have waited for an hour until a push was free.
const criticalLifetimeSeconds = 2 * noticeLifetimeSeconds

/** The service's own critical activities; a relying party's word alone does not make a thing urgent to us. */
function isCritical({ type, severity }: Told): boolean {
  return severity === 'critical' && type !== 'posted'
}

function fate(one: OwedActivity, { now, preferences, deviceIds }: NoticeFacts) {
  const ageMs = now.getTime() - one.recordedAt.getTime()
  const critical = isCritical(one)
  if (ageMs > (critical ? criticalLifetimeSeconds : noticeLifetimeSeconds) * 1000) return 'stale'
  if (!critical && preferences[notices[one.type].category] !== 'push') return 'in_app'
  return deviceIds.some((id) => one.actor !== `device:${id}`) ? 'push' : 'no_device'
}

/**
 * Decides how one user is told of what is owed. Activities of one type are one push, all critical ones together are one, and
 * the last push of the hour is kept for those. A device is not told what it did itself.
 */
export function planNotices(facts: NoticeFacts): NoticePlan {
  const byFate = Map.groupBy(facts.owed, (one) => fate(one, facts))
  const settled = (['in_app', 'no_device', 'stale'] as const).flatMap((outcome) => {
    const activityIds = (byFate.get(outcome) ?? []).map(({ id }) => id)
    return activityIds.length > 0 ? [{ outcome, activityIds }] : []
  })
  const groups = Map.groupBy(byFate.get('push') ?? [], (one) =>
    isCritical(one) ? 'critical' : one.type,
  )
  const urgent = [...groups].sort(([a], [b]) => rank(a) - rank(b))
  return { settled, pushes: urgent.map(([group, members]) => pushOf(group, members, facts)) }
}

function rank(group: ActivityType | 'critical'): number {
  return group === 'critical' ? 0 : group === 'posted' ? 2 : 1
}

function pushOf(
  group: ActivityType | 'critical',
  members: readonly OwedActivity[],
  { deviceIds, activityPushesPerHourMax: max }: NoticeFacts,
): NoticePush {
  const critical = group === 'critical'
  return {
    activityIds: members.map(({ id }) => id),
    deviceIds: deviceIds.filter((id) => members.some(({ actor }) => actor !== `device:${id}`)),
    pushesMax: critical ? max : Math.max(1, max - 1),
    otherwise: critical ? 'waiting' : 'over_limit',
  }
}
