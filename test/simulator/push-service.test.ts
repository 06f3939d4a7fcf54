import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Control, startControl } from '../../simulator/control.ts'
import {
  connectPushService,
  type PushService,
  pushServiceOf,
} from '../../simulator/push-service.ts'
import type { AcceptedPush } from '../../simulator/pushes.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { createVirtualPhone } from '../../simulator/virtual-phone.ts'
import { until } from '../support/until.ts'

const appId = 'com.example.authenticator'
let simulator: Simulator
let control: Control
beforeAll(async () => {
  simulator = await startSimulator()
  control = await startControl(simulator)
})
afterAll(async () => {
  await control.close()
  await simulator.close()
})

const kinds: readonly (readonly [string, () => Promise<PushService>])[] = [
  ['in this process', async () => pushServiceOf(simulator)],
  ['in another process', () => connectPushService(control.url)],
]

/** A push that the FCM gateway accepted. */
function push(token: string, data: Readonly<Record<string, string>>): AcceptedPush {
  const at = Date.now()
  return {
    provider: 'fcm',
    sequence: 1,
    id: 'message',
    token,
    appId,
    priority: 'high',
    ttlSeconds: 60,
    expiresAt: at + 60_000,
    at,
    data,
  }
}

const pushData = { v: '1', cid: 'chl_1', did: 'dev_1', o: 'x', kind: 'challenge_opened' }

async function openPhone(open: () => Promise<PushService>) {
  const pushes = await open()
  onTestFinished(() => pushes.close())
  const phone = await createVirtualPhone({ pushes, provider: 'fcm', appId, name: 'Phone' })
  const kindsSeen: string[] = []
  phone.onPush(({ kind, challengeId }) => kindsSeen.push(`${kind} ${challengeId}`))
  const deliver = (data: Readonly<Record<string, string>>) =>
    simulator.phones.deliver(push(phone.pushToken, data))
  return { phone, deliver, kindsSeen }
}

test.each(kinds)(
  'a simulator %s returns each opened challenge once, in any order of reading',
  async (_, open) => {
    const { phone, deliver } = await openPhone(open)
    const second = phone.nextPush('chl_2')
    deliver(pushData)
    deliver({ ...pushData, cid: 'chl_2' })
    deliver({ ...pushData, cid: 'chl_3' })
    expect((await second).challengeId).toBe('chl_2')
    expect((await phone.nextPush()).challengeId).toBe('chl_1')
    expect((await phone.nextPush()).challengeId).toBe('chl_3')
  },
)

test.each(kinds)(
  'a simulator %s reports closed challenges, and no foreign pushes',
  async (_, open) => {
    const { deliver, kindsSeen } = await openPhone(open)
    deliver({ ...pushData, v: '2' })
    deliver({ hello: 'world' })
    deliver({ ...pushData, kind: 'challenge_closed' })
    await until('the closing push', () => kindsSeen.length > 0)
    expect(kindsSeen).toEqual(['challenge_closed chl_1'])
  },
)

test.each(kinds)('a lost phone gets no push from a simulator %s', async (_, open) => {
  const { phone, deliver, kindsSeen } = await openPhone(open)
  await phone.lose()
  deliver(pushData)
  expect(simulator.phones.storedPushes(phone.pushToken)).toHaveLength(1)
  expect(kindsSeen).toEqual([])
})

test('a phone without an account throws with the missing step', async () => {
  const { phone } = await openPhone(async () => pushServiceOf(simulator))
  await expect(phone.pending()).rejects.toThrow('call enroll first')
  await expect(phone.approve('123456')).rejects.toThrow('call pending first')
  await expect(phone.enroll('https://example.com/')).rejects.toThrow('is no enrollment link')
})

test('no simulator at the address is an immediate error', async () => {
  await expect(connectPushService('http://127.0.0.1:9')).rejects.toThrow()
})
