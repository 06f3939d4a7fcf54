import { expect, test } from 'vitest'
import { Happenings, progressOf } from '../../demo/happenings.ts'
import type { Challenge, Device } from '../../demo/relying-party.ts'

const at = (seconds: number) => new Date(seconds * 1000).toISOString()
const phone: Device = {
  id: 'dev_1',
  status: 'active',
  name: 'Old phone',
  model: 'Virtual iPhone',
  platform: 'ios',
  activatedAt: at(0),
  unregisteredAt: null,
}
const push = { status: 'sent', attempts: 1, reason: null, settledAt: at(11) } as const
const challenge = {
  devices: [{ deviceId: 'dev_1', push, receivedAt: at(12), fetchedAt: at(13) }],
  suppressed: null,
}

test('a phone unregistered while the challenge is pending is shown as such, after any progress', () => {
  expect(progressOf(challenge, [phone])).toMatchObject([{ stage: 'opened' }])
  const unregisteredPhone: Device = { ...phone, status: 'unregistered', unregisteredAt: at(15) }
  expect(progressOf(challenge, [unregisteredPhone])).toMatchObject([
    { name: 'Old phone', stage: 'unregistered' },
  ])
  const happenings = new Happenings(10_000)
  happenings.readProgress(challenge, [unregisteredPhone])
  expect(happenings.list().at(-1)).toEqual({
    who: 'Countersign',
    what: 'unregistered Old phone',
    atMs: 5_000,
  })
})

test('a phone whose push was suppressed is not shown as one that has no push', () => {
  const progress = { deviceId: 'dev_1', push: null, receivedAt: null, fetchedAt: null }
  const stageFor = (suppressed: Challenge['suppressed']) =>
    progressOf({ devices: [progress], suppressed }, [phone]).map(({ stage }) => stage)
  expect(stageFor('recently_denied')).toEqual(['suppressed'])
  expect(stageFor('no_push_token')).toEqual(['no_push'])
  // Another phone of the user was woken, so this one has no token.
  expect(stageFor(null)).toEqual(['no_push'])
})
