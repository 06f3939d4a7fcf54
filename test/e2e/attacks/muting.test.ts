import { afterAll, beforeAll, expect, test } from 'vitest'
import { DeviceClient } from '../../../clients/device/device-client.ts'
import { callAsDevice } from '../../support/device-calls.ts'
import {
  challengeOf,
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'
import { askFrom, browser, prompts, refusalOf, signIn, wait } from './attack.ts'

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

const types = async ({ client }: Phone) =>
  (await client.activities({ limit: 50 })).items.map(({ type }) => type)

test('who registers a victim’s push token mutes nobody, neither by taking it nor by giving it away again', async () => {
  const victim = await enrollPhone(service, { user: 'ada' })
  const mallory = await enrollPhone(service, { user: 'mallory' })
  await mallory.client.setPushToken({ provider: 'apns', token: victim.token })
  expect(await signIn(service.api, victim, 'ada', browser('ada'))).toBe('push')

  const asked = await askFrom(service.api, 'mallory', browser('mallory'))
  await until('the push of the other account', () =>
    victim.pushes.some((push) => challengeOf(push) === asked.json.id),
  )
  const payload = JSON.stringify(victim.pushes.map((push) => push))
  expect(payload).not.toContain('mallory')
  const { requests } = await victim.client.pending()
  expect(requests.map(({ challengeId }) => challengeId)).not.toContain(asked.json.id)

  await mallory.client.setPushToken(null)
  await mallory.client.unregister()
  expect(await signIn(service.api, victim, 'ada', browser('ada'))).toBe('push')
})

test('a thief with the possession key alone can neither unregister the other phones, nor enroll one, nor change what the owner is told of', async () => {
  const kept = await enrollPhone(service, { user: 'bob', name: 'kept' })
  const stolen = await enrollPhone(service, { user: 'bob', name: 'stolen' })
  const calls = [
    { method: 'DELETE', path: `/device/v1/devices/${kept.deviceId}` },
    { method: 'POST', path: '/device/v1/enrollments', body: {} },
    {
      method: 'PUT',
      path: '/device/v1/notification-preferences',
      body: { security: 'in_app' },
    },
  ] as const
  for (const call of calls) {
    const { status, json } = await callAsDevice(service, stolen, call)
    expect([call.path, status, json.code]).toEqual([call.path, 403, 'proof_key_not_allowed'])
  }
  const posing = new DeviceClient({
    account: { ...kept.client.account },
    keys: { possession: stolen.keys.possession, verification: null },
  })
  expect(await refusalOf(posing.setPushToken(null))).toBe('proof_invalid')
  expect(await refusalOf(posing.unregister())).toBe('proof_invalid')

  await stolen.client.setPushToken(null)
  const asked = await askFrom(service.api, 'bob', browser('bob'))
  expect(asked.json.deliveryMode).toBe('push')
  await until('the kept phone is pushed', () =>
    prompts(kept).some((push) => challengeOf(push) === asked.json.id),
  )
  expect((await kept.client.devices()).map(({ id }) => id)).toHaveLength(2)
})

test('a pause that one phone asks for is told to the others at once, who can end it', async () => {
  const kept = await enrollPhone(service, { user: 'cleo', name: 'kept' })
  const stolen = await enrollPhone(service, { user: 'cleo', name: 'stolen' })
  const noticesOf = ({ pushes }: Phone) => pushes.length
  await until('the news of the second phone', () => noticesOf(kept) > 0)
  await wait(service, kept, 3_600)
  const before = noticesOf(kept)
  const until10 = new Date(Date.now() + 10 * 86_400_000)
  await stolen.client.pausePushes(until10)
  await until('the pause is told', () => noticesOf(kept) > before)
  expect(await types(kept)).toContain('push_paused')
  expect(await kept.client.pushPause()).toEqual({ until: until10.toISOString() })
  expect(await signIn(service.api, kept, 'cleo', browser('cleo'))).toBe('pull_only')
  await kept.client.pausePushes(null)
  expect(await kept.client.pushPause()).toEqual({ until: null })
  expect(await signIn(service.api, kept, 'cleo', browser('cleo'))).toBe('push')
})
