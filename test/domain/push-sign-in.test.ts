import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  checkEnrolling,
  checkPushSignIn,
  pushSignInModes,
  pushSignInSettings,
  rolloutBucket,
  rolloutText,
} from '../../src/domain/push-sign-in.ts'

const settings = [...pushSignInSettings, null]
const why = (one: ReturnType<typeof checkPushSignIn>) => one?.facts.why ?? null

test('who is asked follows the policy and what is set for the user', () => {
  const table = pushSignInModes.map((pushSignIn) =>
    settings.map((setting) => why(checkPushSignIn({ pushSignIn }, setting))),
  )
  // Settings: on, off, none.
  expect(table).toEqual([
    [null, 'off_for_user', null],
    [null, 'off_for_user', 'user_not_listed'],
    ['off_for_everybody', 'off_for_everybody', 'off_for_everybody'],
  ])
})

const users = fc.record({
  setting: fc.constantFrom(...settings),
  hasDevice: fc.boolean(),
  bucket: fc.integer({ min: 0, max: 99 }),
})
const percents = fc.integer({ min: 0, max: 100 })
const mayEnroll = (...args: Parameters<typeof checkEnrolling>) =>
  checkEnrolling(...args) === undefined

test('a growing percentage takes push sign-in from nobody', () => {
  let reachedLater = 0
  fc.assert(
    fc.property(
      users,
      percents,
      percents,
      fc.constantFrom(...pushSignInModes),
      (user, one, other, pushSignIn) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)]
        const before = mayEnroll({ pushSignIn, pushSignInPercent: less }, user)
        const after = mayEnroll({ pushSignIn, pushSignInPercent: more }, user)
        if (before) expect(after).toBe(true)
        if (!before && after) reachedLater++
      },
    ),
    { numRuns: 2_000 },
  )
  expect(reachedLater).toBeGreaterThan(10)
})

test('a user who has a device, or is set to on, may enroll before the roll-out gets there', () => {
  const policy = { pushSignIn: 'everybody', pushSignInPercent: 0 } as const
  const user = { setting: null, hasDevice: false, bucket: 0 }
  expect(checkEnrolling(policy, user)?.facts.why).toBe('user_not_reached')
  expect(checkEnrolling(policy, { ...user, hasDevice: true })).toBeUndefined()
  expect(checkEnrolling(policy, { ...user, setting: 'on' })).toBeUndefined()
  expect(checkEnrolling(policy, { ...user, setting: 'off' })?.facts.why).toBe('off_for_user')
})

test('all percent reach everybody, no percent nobody', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99 }), (bucket) => {
      const user = { setting: null, hasDevice: false, bucket }
      const at = (pushSignInPercent: number) =>
        mayEnroll({ pushSignIn: 'everybody', pushSignInPercent }, user)
      expect([at(100), at(0), at(bucket), at(bucket + 1)]).toEqual([true, false, false, true])
    }),
  )
})

test('buckets are even, stay the same, and differ from tenant to tenant', () => {
  const bucketOf = (key: string, n: number) =>
    rolloutBucket(
      createHash('sha256')
        .update(rolloutText(key, `usr_${n}`))
        .digest(),
    )
  const counts = new Map<number, number>()
  const ids = Array.from({ length: 20_000 }, (_, n) => n)
  for (const n of ids) {
    const bucket = bucketOf('a', n)
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
  }
  expect(counts.size).toBe(100)
  // 200 each; four standard deviations are 57.
  for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(80)
  const same = ids.slice(0, 1000).filter((n) => bucketOf('a', n) === bucketOf('b', n))
  expect(same.length).toBeLessThan(50)
  expect(bucketOf('a', 7)).toBe(bucketOf('a', 7))
})
