import { expect, test } from 'vitest'
import { activityTitle, actorName, phoneNames } from '../../demo/web/phone/words.ts'

const activities = [
  {
    type: 'device_unregistered',
    actor: 'device:dev_new',
    deviceId: 'dev_old',
    details: { name: 'Old phone' },
  },
  {
    type: 'device_renamed',
    actor: 'device:dev_old',
    deviceId: 'dev_old',
    details: { from: 'A', to: 'Old phone' },
  },
  { type: 'device_added', actor: 'device:dev_old', deviceId: 'dev_old', details: { name: 'A' } },
  { type: 'challenge_approved', actor: 'device:dev_old', deviceId: 'dev_old', details: {} },
  {
    type: 'device_unregistered',
    actor: 'api_key:key_1',
    deviceId: 'dev_gone',
    details: { name: 'Gone' },
  },
  { type: 'number_failed', actor: 'device:dev_unknown', deviceId: 'dev_unknown', details: {} },
  { type: 'challenge_expired', actor: 'service', deviceId: null, details: {} },
] as const

test('an activity of a phone names the phone and the actor, from the view of the showing phone', () => {
  const names = phoneNames([{ id: 'dev_new', name: 'New phone' }], activities)
  const lines = (own: string) =>
    activities.map((one) => [activityTitle(one), actorName(one, own, names, 'Larkfield')])
  expect(lines('dev_new')).toEqual([
    ['Phone unregistered: Old phone', 'from this phone'],
    ['Phone renamed: A is now Old phone', 'on Old phone'],
    ['Phone added: A', 'on Old phone'],
    ['Sign-in approved', 'on Old phone'],
    ['Phone unregistered: Gone', 'by Larkfield'],
    ['Wrong number typed', 'on another phone'],
    ['Sign-in not answered in time', 'by the service'],
  ])
  expect(lines('dev_old')[0]).toEqual(['Phone unregistered: Old phone', 'from New phone'])
})
