import { expect, test } from 'vitest'
import { defaultPolicy } from '../../src/domain/policy.ts'
import { retainedKinds, retainedSince } from '../../src/domain/retention.ts'

const policy = {
  ...defaultPolicy,
  challengeRetentionDays: 1,
  activityRetentionDays: 2,
  enrollmentRetentionDays: 3,
  reportRetentionDays: 4,
  diagnosticsRetentionDays: 5,
}

test('each kind is kept for its own days, counted from the beginning of the day in UTC', () => {
  const now = new Date('2027-01-10T23:59:59.999Z')
  const since = retainedKinds.map((kind) => [kind, retainedSince(kind, policy, now).toISOString()])
  expect(Object.fromEntries(since)).toEqual({
    challenges: '2027-01-09T00:00:00.000Z',
    activities: '2027-01-08T00:00:00.000Z',
    enrollments: '2027-01-07T00:00:00.000Z',
    reports: '2027-01-06T00:00:00.000Z',
    diagnostics: '2027-01-05T00:00:00.000Z',
  })
})

test('the bound stays the same for a whole day, so that a day has one purge event', () => {
  const first = retainedSince('activities', policy, new Date('2027-01-10T00:00:00.000Z'))
  const last = retainedSince('activities', policy, new Date('2027-01-10T23:59:59.999Z'))
  expect(first).toEqual(last)
})
