import fc from 'fast-check'
import { expect, test } from 'vitest'
import { defaultPolicy, type Policy } from '../../src/domain/policy.ts'
import {
  askableKinds,
  countReadiness,
  type DeviceKind,
  type UserGroup,
  unreadyReasons,
} from '../../src/domain/readiness-counts.ts'

const kind: DeviceKind = {
  platform: 'ios',
  appId: 'com.example.app',
  appVersion: '3.1.0',
  protocolVersion: 1,
  isCompanion: false,
  hasVerificationKey: true,
  hasSyncedPasskey: false,
}

test('kinds of devices that a usual challenge may ask are those that creation would ask', () => {
  const watch = { ...kind, isCompanion: true }
  const old = { ...kind, appVersion: '1.0' }
  const policy = { ...defaultPolicy, appVersionsMin: ['com.example.app@2.0'] }
  expect(askableKinds([kind, watch, old], policy)).toEqual([kind])
  expect(askableKinds([kind, watch, old], defaultPolicy)).toEqual([kind, old])
  expect(askableKinds([kind], { ...defaultPolicy, protocolVersionMin: 2 })).toEqual([])
  const syncedKind = { ...kind, hasSyncedPasskey: true }
  const strict = { ...defaultPolicy, syncedPasskeys: 'refused' } as const
  expect(askableKinds([kind, syncedKind], strict)).toEqual([kind])
})

const group: UserGroup = {
  users: 1,
  isSuspended: false,
  isLocked: false,
  isReported: false,
  isPaused: false,
  setting: null,
  isReached: true,
  hasDevice: true,
  hasActiveDevice: true,
  hasAskableDevice: true,
  hasPushToken: true,
}
const noActive = { hasActiveDevice: false, hasAskableDevice: false, hasPushToken: false }
const noDevice = { ...noActive, hasDevice: false }
const none = Object.fromEntries(unreadyReasons.map((reason) => [reason, 0]))

test.each<[string, Partial<UserGroup>, Partial<Policy>]>([
  ['user_suspended', { isSuspended: true, isLocked: true, setting: 'off' }, {}],
  ['push_locked', { isLocked: true, setting: 'off' }, {}],
  ['push_locked', { isReported: true }, {}],
  ['off_for_user', { isReported: true, setting: 'off' }, {}],
  ['off_for_everybody', { setting: 'on' }, { pushSignIn: 'nobody' }],
  ['off_for_user', { setting: 'off', ...noDevice }, {}],
  ['user_not_listed', {}, { pushSignIn: 'listed' }],
  ['user_not_reached', { ...noDevice, isReached: false }, { pushSignInPercent: 40 }],
  ['no_device', noDevice, { pushSignInPercent: 40 }],
  ['no_device', { ...noDevice, isReached: false, setting: 'on' }, { pushSignInPercent: 40 }],
  // A suspended one: the roll-out takes push sign-in from nobody who has a device.
  ['no_device', { ...noActive, isReached: false }, { pushSignInPercent: 40 }],
  ['no_capable_device', { hasAskableDevice: false, hasPushToken: false, isReached: false }, {}],
])('a user who is not ready is counted as %s', (reason, changes, policy) => {
  const counts = countReadiness([{ ...group, ...changes, users: 7 }], {
    ...defaultPolicy,
    ...policy,
  })
  expect(counts).toEqual({
    users: 7,
    ready: { push: 0, pull: 0 },
    notReady: { ...none, [reason]: 7 },
  })
})

test('a user who is ready is woken by a push, or finds the challenge', () => {
  const groups = [
    { ...group, users: 3 },
    { ...group, users: 2, hasPushToken: false },
    { ...group, users: 1, isReached: false },
    { ...group, users: 5, isPaused: true },
  ]
  expect(countReadiness(groups, defaultPolicy)).toEqual({
    users: 11,
    ready: { push: 4, pull: 7 },
    notReady: none,
  })
})

test('every user is counted exactly once', () => {
  const groups = fc.array(
    fc.record({
      users: fc.nat({ max: 100 }),
      isSuspended: fc.boolean(),
      isLocked: fc.boolean(),
      isReported: fc.boolean(),
      isPaused: fc.boolean(),
      setting: fc.constantFrom('on', 'off', null),
      isReached: fc.boolean(),
      hasDevice: fc.boolean(),
      hasActiveDevice: fc.boolean(),
      hasAskableDevice: fc.boolean(),
      hasPushToken: fc.boolean(),
    }),
  )
  fc.assert(
    fc.property(groups, fc.constantFrom('everybody', 'listed', 'nobody'), (all, pushSignIn) => {
      const counts = countReadiness(all, { ...defaultPolicy, pushSignIn, pushSignInPercent: 50 })
      const { push, pull } = counts.ready
      const rest = Object.values(counts.notReady).reduce((sum, one) => sum + one, 0)
      expect(push + pull + rest).toBe(counts.users)
      expect(counts.users).toBe(all.reduce((sum, { users }) => sum + users, 0))
    }),
  )
})
