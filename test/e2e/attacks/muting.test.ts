import { afterAll, beforeAll, expect, test } from 'vitest'
import { DeviceClient } from '../../../clients/device/src/device-client.ts'
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

test('registering a victim’s push token mutes nobody, neither by taking it nor by releasing it', async () => {
  const victim = await enrollPhone(service, { user: 'ada' })
  const mallory = await enrollPhone(service, { user: 'mallory' })
  await mallory.client.setPushToken({ provider: 'apns', token: victim.token })
  expect(await signIn(service.api, victim, 'ada', browser('ada'))).toBe('push')

  const creation = await askFrom(service.api, 'mallory', browser('mallory'))
  await until('the push of the other account', () =>
    victim.pushes.some((push) => challengeOf(push) === creation.json.id),
  )
  const payload = JSON.stringify(victim.pushes.map((push) => push))
  expect(payload).not.toContain('mallory')
  const { requests } = await victim.client.pending()
  expect(requests.map(({ challengeId }) => challengeId)).not.toContain(creation.json.id)

  await mallory.client.setPushToken(null)
  await mallory.client.unregister()
  expect(await signIn(service.api, victim, 'ada', browser('ada'))).toBe('push')
})

test('a thief with the possession key alone cannot unregister, enroll, or change the owner’s notices', async () => {
  const keptPhone = await enrollPhone(service, { user: 'bob', name: 'kept' })
  const stolenPhone = await enrollPhone(service, { user: 'bob', name: 'stolen' })
  const calls = [
    { method: 'DELETE', path: `/device/v1/devices/${keptPhone.deviceId}` },
    { method: 'POST', path: '/device/v1/enrollments', body: {} },
    {
      method: 'PUT',
      path: '/device/v1/notification-preferences',
      body: { security: 'in_app' },
    },
  ] as const
  for (const call of calls) {
    const { status, json } = await callAsDevice(service, stolenPhone, call)
    expect([call.path, status, json.code]).toEqual([call.path, 403, 'proof_key_not_allowed'])
  }
  const posing = new DeviceClient({
    account: { ...keptPhone.client.account },
    keys: { possession: stolenPhone.keys.possession, verification: null },
  })
  expect(await refusalOf(posing.setPushToken(null))).toBe('proof_invalid')
  expect(await refusalOf(posing.unregister())).toBe('proof_invalid')

  await stolenPhone.client.setPushToken(null)
  const creation = await askFrom(service.api, 'bob', browser('bob'))
  expect(creation.json.deliveryMode).toBe('push')
  await until('the kept phone is pushed', () =>
    prompts(keptPhone).some((push) => challengeOf(push) === creation.json.id),
  )
  expect((await keptPhone.client.devices()).map(({ id }) => id)).toHaveLength(2)
})

test('the others are notified immediately of a pause by one phone, and can end it', async () => {
  const keptPhone = await enrollPhone(service, { user: 'cleo', name: 'kept' })
  const stolenPhone = await enrollPhone(service, { user: 'cleo', name: 'stolen' })
  const noticesOf = ({ pushes }: Phone) => pushes.length
  await until('the notice of the second phone', () => noticesOf(keptPhone) > 0)
  await wait(service, keptPhone, 3_600)
  const before = noticesOf(keptPhone)
  const until10 = new Date(Date.now() + 10 * 86_400_000)
  await stolenPhone.client.pausePushes(until10)
  await until('the notice of the pause arrives', () => noticesOf(keptPhone) > before)
  expect(await types(keptPhone)).toContain('push_paused')
  expect(await keptPhone.client.pushPause()).toEqual({ until: until10.toISOString() })
  expect(await signIn(service.api, keptPhone, 'cleo', browser('cleo'))).toBe('pull_only')
  await keptPhone.client.pausePushes(null)
  expect(await keptPhone.client.pushPause()).toEqual({ until: null })
  expect(await signIn(service.api, keptPhone, 'cleo', browser('cleo'))).toBe('push')
})
