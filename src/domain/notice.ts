// Which activities a user is notified of by a push, and on which devices.

import type { ActivityType, Actor, Severity } from './activity.ts'
import type { ActivityId, DeviceId, RelyingPartyId } from './ids.ts'

/** The categories for which a user may choose a channel. */
export type NoticeCategory = 'security' | 'devices' | 'sign_in' | 'relying_party'
/** `push`: pushed immediately and listed; `in_app`: listed; `off`: not even listed on devices. */
const channels = ['push', 'in_app', 'off'] as const
export type NoticeChannel = (typeof channels)[number]
export type NoticePreferences = Readonly<Record<NoticeCategory, NoticeChannel>>

/**
 * The channels of each category, its default first. Activities that protect the account can be
 * silenced, never hidden.
 */
export const noticeChannels = {
  security: ['push', 'in_app'],
  devices: ['push', 'in_app'],
  // Recorded on the path of a waiting caller, which queues no pushes; the person was asked a moment
  // ago anyway.
  sign_in: ['in_app', 'off'],
  relying_party: channels,
} as const satisfies Record<NoticeCategory, readonly NoticeChannel[]>

const categories = Object.keys(noticeChannels) as NoticeCategory[]

/**
 * The preferences in force. A stored value that is not a channel of its category falls back to the
 * default.
 */
export function preferencesOf(storedPreferences: unknown): NoticePreferences {
  const members =
    typeof storedPreferences === 'object' && storedPreferences !== null
      ? (storedPreferences as Readonly<Record<string, unknown>>)
      : {}
  const entries = categories.map((category) => {
    const channels: readonly NoticeChannel[] = noticeChannels[category]
    return [category, channels.find((channel) => channel === members[category]) ?? channels[0]]
  })
  return Object.fromEntries(entries) as NoticePreferences
}

type Notice = { readonly category: NoticeCategory; readonly isPushed: boolean }
const quiet = (category: NoticeCategory): Notice => ({ category, isPushed: false })
const loud = (category: NoticeCategory): Notice => ({ category, isPushed: true })

// Activities that people cause or read on the sign-in page anyway are quiet. Critical activities
// are pushed, quiet or not.
const notices: Record<ActivityType, Notice> = {
  user_imported: quiet('security'),
  user_suspended: loud('security'),
  user_activated: loud('security'),
  push_sign_in_changed: quiet('security'),
  preferences_changed: loud('security'),
  enrollment_opened: quiet('devices'),
  enrollment_claimed: loud('devices'),
  enrollment_cancelled: quiet('devices'),
  enrollment_void: loud('devices'),
  // Outsiders can cause it, knowing only a user name.
  typed_code_ended: quiet('devices'),
  enrollment_window_opened: loud('security'),
  enrollment_window_closed: quiet('security'),
  prompt_enrollment_opened: loud('security'),
  device_added: loud('devices'),
  device_renamed: loud('devices'),
  device_key_rotated: loud('devices'),
  device_unregistered: loud('devices'),
  device_suspended: loud('devices'),
  device_activated: loud('devices'),
  // An app that its own user removed calls once more; use of a lost phone is critical, and pushed
  // for that reason.
  revoked_device_used: quiet('security'),
  portal_link_made: quiet('security'),
  portal_opened: loud('security'),
  data_exported: loud('security'),
  erasure_requested: loud('security'),
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

type NoticeSubject = { readonly type: ActivityType; readonly severity: Severity }

/**
 * Whether an activity needs a push when it is recorded; preferences and limits are checked when the
 * push is sent.
 */
export function needsPush({ type, severity }: NoticeSubject): boolean {
  if (severity === 'critical') return true
  return notices[type].isPushed && (type !== 'posted' || severity !== 'info')
}

/**
 * The outcome of notifying the user. `waiting`: critical, and its hourly limit is used up; it goes
 * into the next digest of its source.
 */
export type NoticeOutcome =
  | 'waiting'
  | 'pushed'
  | 'merged'
  | 'in_app'
  | 'over_limit'
  | 'no_device'
  | 'stale'

/** Who declared something critical: the service, or a relying party. */
export type CriticalSource = 'service' | RelyingPartyId
/**
 * A user's limits: one for ordinary activities, and one for each source of critical ones. None uses
 * up another.
 */
export type NoticeBudget = 'ordinary' | CriticalSource

export type PendingActivity = NoticeSubject & {
  readonly id: ActivityId
  readonly actor: Actor
  /** The relying party that posted it. */
  readonly rpId: RelyingPartyId | null
  readonly recordedAt: Date
  /** Critical, and was delayed before because its hourly limit was used up. */
  readonly waiting: boolean
}

export type NoticeFacts = {
  readonly now: Date
  readonly pending: readonly PendingActivity[]
  readonly preferences: NoticePreferences
  readonly activityPushesPerHourMax: number
  /** Active devices of the user that have a push address. */
  readonly deviceIds: readonly DeviceId[]
}

/** One push about several activities; it takes one from its budget's hourly limit. */
export type NoticePush = {
  readonly activityIds: readonly ActivityId[]
  readonly deviceIds: readonly DeviceId[]
  readonly budget: NoticeBudget
  /** The push may be queued while its budget had fewer pushes than this within the last hour. */
  readonly pushesMax: number
  /** The outcome of the activities when the hourly limit is used up. */
  readonly otherwise: 'waiting' | 'over_limit'
  /**
   * A digest of everything that waits in this budget; beyond the hourly limit it may be sent every
   * `digestIntervalSeconds`.
   */
  readonly isDigest: boolean
}

const outcomes = ['in_app', 'no_device', 'stale', 'waiting'] as const

export type NoticePlan = {
  readonly settlements: readonly {
    readonly outcome: (typeof outcomes)[number]
    readonly activityIds: readonly ActivityId[]
  }[]
  /** The most urgent first. */
  readonly pushes: readonly NoticePush[]
}

/**
 * Pushes about critical activities within an hour: of one relying party to one user, and of the
 * service's own.
 */
export const criticalPushesPerHourMax = 5
/**
 * Beyond those, critical activities are batched into one digest ("N more") this often: the user is
 * notified late, never silently.
 */
export const digestIntervalSeconds = 300

/** A push about an activity is worthless after this long. */
export const noticeLifetimeSeconds = 3600
// Longer, because beyond a used-up hourly limit it waits for a digest, and also while no worker
// runs.
const criticalLifetimeSeconds = 2 * noticeLifetimeSeconds

function channelFor(one: PendingActivity, { now, preferences, deviceIds }: NoticeFacts) {
  const ageMs = now.getTime() - one.recordedAt.getTime()
  const critical = one.severity === 'critical'
  if (ageMs > (critical ? criticalLifetimeSeconds : noticeLifetimeSeconds) * 1000) return 'stale'
  // A relying party's claim alone does not override the user's preference for relying parties.
  const isOptional = !critical || one.type === 'posted'
  if (isOptional && preferences[notices[one.type].category] !== 'push') return 'in_app'
  return deviceIds.some((id) => one.actor !== `device:${id}`) ? 'push' : 'no_device'
}

/**
 * Decides how one user is notified of pending activities. Ordinary activities become one push for
 * each type, within the user's hourly limit. Critical ones have a limit of their own for each
 * source: the service's own that are found together are one push, as one action often causes two of
 * them; a relying party's are a push each; what exceeds the limit waits for the digest. A device is
 * not notified of its own actions.
 */
export function planNotices(facts: NoticeFacts): NoticePlan {
  const byChannel = Map.groupBy(facts.pending, (one) => channelFor(one, facts))
  const pushable = byChannel.get('push') ?? []
  const groups = [...criticalGroups(pushable), ...ordinaryGroups(pushable, facts)]
  const groupMembers = new Set(groups.flatMap(({ members }) => members))
  const settlements = outcomes.map((outcome) => {
    const beyond = pushable.filter((one) => !groupMembers.has(one))
    const members = outcome === 'waiting' ? beyond : (byChannel.get(outcome) ?? [])
    return { outcome, activityIds: idsOf(members) }
  })
  return {
    settlements: settlements.filter(({ activityIds }) => activityIds.length > 0),
    pushes: groups.map((group) => pushOf(group, facts)),
  }
}

const idsOf = (members: readonly PendingActivity[]) => members.map(({ id }) => id)

type Group = Omit<NoticePush, 'activityIds' | 'deviceIds'> & {
  readonly members: readonly PendingActivity[]
}

function criticalGroups(pushable: readonly PendingActivity[]): Group[] {
  const critical = pushable.filter(({ severity }) => severity === 'critical')
  const sources = [...Map.groupBy(critical, sourceOf)].sort(([a], [b]) => ours(a) - ours(b))
  return sources.flatMap(([budget, members]) => {
    const limit = { budget, pushesMax: criticalPushesPerHourMax, otherwise: 'waiting' } as const
    const waitingMembers = members.filter(({ waiting }) => waiting)
    const fresh = members.filter(({ waiting }) => !waiting)
    const each =
      budget === 'service' ? [fresh] : fresh.slice(0, criticalPushesPerHourMax).map((one) => [one])
    return [
      ...each.map((some) => ({ ...limit, members: some, isDigest: false })),
      { ...limit, members: waitingMembers, isDigest: true },
    ].filter((group) => group.members.length > 0)
  })
}

/**
 * A posted activity is never the service's own, whatever else its row says: it must not use up our
 * own limit.
 */
function sourceOf({ type, rpId }: PendingActivity): CriticalSource {
  return type === 'posted' ? (rpId ?? 'rp_') : 'service'
}
const ours = (source: CriticalSource) => (source === 'service' ? 0 : 1)

function ordinaryGroups(pushable: readonly PendingActivity[], facts: NoticeFacts): Group[] {
  const ordinary = pushable.filter(({ severity }) => severity !== 'critical')
  const types = [...Map.groupBy(ordinary, ({ type }) => type)]
  return types
    .sort(([a], [b]) => Number(a === 'posted') - Number(b === 'posted'))
    .map(([, members]) => ({
      members,
      budget: 'ordinary',
      pushesMax: facts.activityPushesPerHourMax,
      otherwise: 'over_limit',
      isDigest: false,
    }))
}

function pushOf({ members, ...limit }: Group, { deviceIds }: NoticeFacts): NoticePush {
  return {
    ...limit,
    activityIds: idsOf(members),
    deviceIds: deviceIds.filter((id) => members.some(({ actor }) => actor !== `device:${id}`)),
  }
}
