// Which activities a user is told of by a push, and to which devices.

import type { ActivityType, Actor, Severity } from './activity.ts'
import type { ActivityId, DeviceId, RelyingPartyId } from './ids.ts'

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
  enrollment_opened: quiet('devices'),
  enrollment_claimed: loud('devices'),
  enrollment_cancelled: quiet('devices'),
  enrollment_void: loud('devices'),
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

/** What became of telling the user. `waiting`: critical, and its hour is used up; it is told with others of its source. */
export type NoticeOutcome =
  | 'waiting'
  | 'pushed'
  | 'merged'
  | 'in_app'
  | 'over_limit'
  | 'no_device'
  | 'stale'

/** Whose word it is that something is critical: our own, or a relying party's. */
export type CriticalSource = 'service' | RelyingPartyId
/** A user's limits: one for what is not critical, and one for each source of what is. None uses up another. */
export type NoticeBudget = 'ordinary' | CriticalSource

export type OwedActivity = Told & {
  readonly id: ActivityId
  readonly actor: Actor
  /** The relying party that posted it. */
  readonly rpId: RelyingPartyId | null
  readonly recordedAt: Date
  /** Critical, and found its hour used up before. */
  readonly waiting: boolean
}

export type NoticeFacts = {
  readonly now: Date
  readonly owed: readonly OwedActivity[]
  readonly preferences: NoticePreferences
  readonly activityPushesPerHourMax: number
  /** Active devices of the user that have a push address. */
  readonly deviceIds: readonly DeviceId[]
}

/** One push about several activities; it costs one of the hour of its budget. */
export type NoticePush = {
  readonly activityIds: readonly ActivityId[]
  readonly deviceIds: readonly DeviceId[]
  readonly budget: NoticeBudget
  /** Pushes of the last hour up to which this one may still be owed. */
  readonly pushesMax: number
  /** What becomes of the activities when the hour's pushes are used up. */
  readonly otherwise: 'waiting' | 'over_limit'
  /** Tells of all that waits in this budget; beyond the hour's pushes it may go each `gatherSeconds`. */
  readonly gathers: boolean
}

export type NoticePlan = {
  readonly settled: readonly {
    readonly outcome: 'waiting' | 'in_app' | 'no_device' | 'stale'
    readonly activityIds: readonly ActivityId[]
  }[]
  /** The most urgent first. */
  readonly pushes: readonly NoticePush[]
}

/** Pushes about critical activities within an hour: of one relying party to one user, and of our own. */
export const criticalPushesPerHourMax = 5
/** Beyond those, what is critical is gathered and pushed as one "N more" this often: it is told late, never silently. */
export const gatherSeconds = 300

/** A push about an activity is worthless after this long. */
export const noticeLifetimeSeconds = 3600
// Beyond a full hour it waits to be gathered, and while no worker runs.
const criticalLifetimeSeconds = 2 * noticeLifetimeSeconds

function fate(one: OwedActivity, { now, preferences, deviceIds }: NoticeFacts) {
  const ageMs = now.getTime() - one.recordedAt.getTime()
  const critical = one.severity === 'critical'
  if (ageMs > (critical ? criticalLifetimeSeconds : noticeLifetimeSeconds) * 1000) return 'stale'
  // A relying party's word alone does not override what the user wishes to hear from relying parties.
  const asked = !critical || one.type === 'posted'
  if (asked && preferences[notices[one.type].category] !== 'push') return 'in_app'
  return deviceIds.some((id) => one.actor !== `device:${id}`) ? 'push' : 'no_device'
}

/**
 * Decides how one user is told of what is owed. What is not critical is one push for each type, within the user's hour. What
 * is critical has a limit of its own for each source: ours that is found at once is one push, as one act often makes two of
 * them; a relying party's are a push each; what is beyond the limit waits to be gathered. A device is not told what it did.
 */
export function planNotices(facts: NoticeFacts): NoticePlan {
  const byFate = Map.groupBy(facts.owed, (one) => fate(one, facts))
  const told = byFate.get('push') ?? []
  const groups = [...criticalGroups(told), ...ordinaryGroups(told, facts)]
  const listed = new Set(groups.flatMap(({ members }) => members))
  const settled = (['in_app', 'no_device', 'stale', 'waiting'] as const).map((outcome) => {
    const beyond = told.filter((one) => !listed.has(one))
    const members = outcome === 'waiting' ? beyond : (byFate.get(outcome) ?? [])
    return { outcome, activityIds: idsOf(members) }
  })
  return {
    settled: settled.filter(({ activityIds }) => activityIds.length > 0),
    pushes: groups.map((group) => pushOf(group, facts)),
  }
}

const idsOf = (members: readonly OwedActivity[]) => members.map(({ id }) => id)

type Group = Omit<NoticePush, 'activityIds' | 'deviceIds'> & {
  readonly members: readonly OwedActivity[]
}

function criticalGroups(told: readonly OwedActivity[]): Group[] {
  const critical = told.filter(({ severity }) => severity === 'critical')
  const sources = [...Map.groupBy(critical, sourceOf)].sort(([a], [b]) => ours(a) - ours(b))
  return sources.flatMap(([budget, members]) => {
    const limit = { budget, pushesMax: criticalPushesPerHourMax, otherwise: 'waiting' } as const
    const gathered = members.filter(({ waiting }) => waiting)
    const fresh = members.filter(({ waiting }) => !waiting)
    const each =
      budget === 'service' ? [fresh] : fresh.slice(0, criticalPushesPerHourMax).map((one) => [one])
    return [
      ...each.map((some) => ({ ...limit, members: some, gathers: false })),
      { ...limit, members: gathered, gathers: true },
    ].filter((group) => group.members.length > 0)
  })
}

/** What is posted is never ours, whatever its row says besides: it must not use up our own limit. */
function sourceOf({ type, rpId }: OwedActivity): CriticalSource {
  return type === 'posted' ? (rpId ?? 'rp_') : 'service'
}
const ours = (source: CriticalSource) => (source === 'service' ? 0 : 1)

function ordinaryGroups(told: readonly OwedActivity[], facts: NoticeFacts): Group[] {
  const ordinary = told.filter(({ severity }) => severity !== 'critical')
  const types = [...Map.groupBy(ordinary, ({ type }) => type)]
  return types
    .sort(([a], [b]) => Number(a === 'posted') - Number(b === 'posted'))
    .map(([, members]) => ({
      members,
      budget: 'ordinary',
      pushesMax: facts.activityPushesPerHourMax,
      otherwise: 'over_limit',
      gathers: false,
    }))
}

function pushOf({ members, ...limit }: Group, { deviceIds }: NoticeFacts): NoticePush {
  return {
    ...limit,
    activityIds: idsOf(members),
    deviceIds: deviceIds.filter((id) => members.some(({ actor }) => actor !== `device:${id}`)),
  }
}
