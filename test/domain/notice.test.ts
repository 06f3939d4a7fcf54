import { describe, expect, test } from 'vitest'
import {
  hiddenTypes,
  type NoticeFacts,
  needsPush,
  noticeLifetimeSeconds,
  type PendingActivity,
  planNotices,
  preferencesOf,
} from '../../src/domain/notice.ts'
import { deviceId } from './examples.ts'

const now = new Date('2027-01-01T12:00:00Z')
const other = 'dev_01h455vb4pex5vsknk084sn0zz' as const

let count = 0
function one(changes: Partial<PendingActivity> = {}): PendingActivity {
  count += 1
  return {
    id: `act_${count}`,
    type: 'device_renamed',
    severity: 'info',
    actor: 'operator',
    rpId: null,
    recordedAt: now,
    waiting: false,
    ...changes,
  }
}
function plan(owed: readonly PendingActivity[], changes: Partial<NoticeFacts> = {}) {
  return planNotices({
    now,
    pending: owed,
    preferences: preferencesOf({}),
    activityPushesPerHourMax: 3,
    deviceIds: [deviceId, other],
    ...changes,
  })
}
const rp = 'rp_01h455vb4pex5vsknk084sn0aa' as const
const otherRp = 'rp_01h455vb4pex5vsknk084sn0bb' as const
const aClaim = (changes: Partial<PendingActivity> = {}) =>
  one({ type: 'posted', severity: 'critical', rpId: rp, ...changes })
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000)

describe('what a user wishes', () => {
  test('whatever is stored and no channel of its category is the default', () => {
    const defaults = {
      security: 'push',
      devices: 'push',
      sign_in: 'in_app',
      relying_party: 'push',
    }
    for (const stored of [undefined, null, 'off', [], { sign_in: 'loud', devices: 7 }]) {
      expect(preferencesOf(stored)).toEqual(defaults)
    }
    expect(preferencesOf({ sign_in: 'off' })).toEqual({ ...defaults, sign_in: 'off' })
  })

  test('what protects the account is never invisible', () => {
    const wanted = preferencesOf({ security: 'off', devices: 'off' })
    expect(wanted).toMatchObject({ security: 'push', devices: 'push' })
    expect(hiddenTypes(wanted)).toEqual([])
  })

  test('a category that is off hides its types and no others', () => {
    const hidden = hiddenTypes(preferencesOf({ sign_in: 'off' }))
    expect(hidden).toContain('challenge_approved')
    expect(hidden).not.toContain('device_added')
    expect(hiddenTypes(preferencesOf({ relying_party: 'off' }))).toEqual(['posted'])
  })
})

describe('what is owed', () => {
  test.each([
    ['device_renamed', 'info', true],
    ['enrollment_opened', 'info', false],
    ['challenge_denied', 'warning', false],
    ['posted', 'info', false],
    ['posted', 'warning', true],
  ] as const)('%s of severity %s: %s', (type, severity, owed) => {
    expect(needsPush({ type, severity })).toBe(owed)
  })

  test('whatever is critical', () => {
    expect(needsPush({ type: 'challenge_denied', severity: 'critical' })).toBe(true)
  })
})

describe('how it is told', () => {
  test('activities of one type are one push, to every device', () => {
    const [a, b] = [one(), one()]
    expect(plan([a, b])).toEqual({
      settlements: [],
      pushes: [
        {
          activityIds: [a.id, b.id],
          deviceIds: [deviceId, other],
          budget: 'ordinary',
          pushesMax: 3,
          otherwise: 'over_limit',
          isDigest: false,
        },
      ],
    })
  })

  test('what is critical comes first, has limits of its own and waits rather than be lost', () => {
    const quiet = one()
    const urgent = [
      one({ type: 'challenge_reported', severity: 'critical' }),
      one({ type: 'device_added', severity: 'critical' }),
    ]
    const posted = aClaim()
    const { pushes } = plan([quiet, posted, ...urgent])
    const waits = { pushesMax: 5, otherwise: 'waiting', isDigest: false }
    expect(pushes).toMatchObject([
      { activityIds: urgent.map(({ id }) => id), budget: 'service', ...waits },
      { activityIds: [posted.id], budget: rp, ...waits },
      { activityIds: [quiet.id], budget: 'ordinary', pushesMax: 3, otherwise: 'over_limit' },
    ])
  })

  test('each thing that a relying party calls critical is a push, those beyond the limit wait', () => {
    const many = Array.from({ length: 7 }, () => aClaim())
    const another = aClaim({ rpId: otherRp })
    const { pushes, settlements: settled } = plan([...many, another])
    expect(pushes.map(({ activityIds, budget }) => [budget, ...activityIds])).toEqual([
      ...many.slice(0, 5).map(({ id }) => [rp, id]),
      [otherRp, another.id],
    ])
    expect(settled).toEqual([
      { outcome: 'waiting', activityIds: many.slice(5).map(({ id }) => id) },
    ])
  })

  test('what waited is gathered into one push for each source', () => {
    const waiting = true
    const mine = [aClaim({ waiting }), aClaim({ waiting })]
    const theirs = aClaim({ rpId: otherRp, waiting })
    const own = one({ type: 'device_added', severity: 'critical', waiting })
    const gathers = { isDigest: true, otherwise: 'waiting' }
    expect(plan([...mine, theirs, own]).pushes).toMatchObject([
      { activityIds: [own.id], budget: 'service', ...gathers },
      { activityIds: mine.map(({ id }) => id), budget: rp, ...gathers },
      { activityIds: [theirs.id], budget: otherRp, ...gathers },
    ])
  })

  test('what is posted uses up nothing of ours, not even where its relying party is unknown', () => {
    expect(plan([aClaim({ rpId: null })]).pushes).toMatchObject([{ budget: 'rp_' }])
  })

  test('a device is not told what it did itself', () => {
    const mine = one({ actor: `device:${deviceId}` })
    expect(plan([mine]).pushes).toMatchObject([{ deviceIds: [other] }])
    const theirs = one({ actor: `device:${other}` })
    expect(plan([mine, theirs]).pushes).toMatchObject([{ deviceIds: [deviceId, other] }])
    expect(plan([mine], { deviceIds: [deviceId] })).toEqual({
      settlements: [{ outcome: 'no_device', activityIds: [mine.id] }],
      pushes: [],
    })
  })

  test('without a device that can be pushed there is nothing to push', () => {
    expect(plan([one()], { deviceIds: [] }).settlements).toMatchObject([{ outcome: 'no_device' }])
  })

  test('preferences make it quiet, except what is critical', () => {
    const preferences = preferencesOf({ devices: 'in_app', security: 'in_app' })
    expect(plan([one()], { preferences }).settlements).toMatchObject([{ outcome: 'in_app' }])
    const critical = one({ type: 'challenge_reported', severity: 'critical' })
    expect(plan([critical], { preferences }).pushes).toHaveLength(1)
    const claimed = one({ type: 'posted', severity: 'critical' })
    const off = preferencesOf({ relying_party: 'in_app' })
    expect(plan([claimed], { preferences: off }).settlements).toMatchObject([{ outcome: 'in_app' }])
  })

  test('nothing is pushed once it is stale; what is critical may have waited for a free push', () => {
    const old = ago(noticeLifetimeSeconds + 1)
    const quiet = one({ recordedAt: old })
    const urgent = { type: 'challenge_reported', severity: 'critical' } as const
    expect(plan([quiet]).settlements).toEqual([{ outcome: 'stale', activityIds: [quiet.id] }])
    expect(plan([one({ ...urgent, recordedAt: old })]).pushes).toHaveLength(1)
    const older = ago(2 * noticeLifetimeSeconds + 1)
    expect(plan([one({ ...urgent, recordedAt: older })]).settlements).toMatchObject([
      { outcome: 'stale' },
    ])
    expect(plan([one({ recordedAt: ago(noticeLifetimeSeconds) })]).pushes).toHaveLength(1)
  })
})
