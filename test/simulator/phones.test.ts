import { expect, test } from 'vitest'
import { Phones } from '../../simulator/phones.ts'
import type { AcceptedPush, ApnsPush, FcmPush } from '../../simulator/pushes.ts'
import { until } from '../support/until.ts'

let sequence = 0

function apnsPush(token: string, at: number, extra: Partial<ApnsPush> = {}): ApnsPush {
  sequence += 1
  return {
    sequence,
    provider: 'apns',
    id: String(sequence),
    token,
    appId: 'com.example.authenticator',
    expiresAt: at + 60_000,
    at,
    pushType: 'alert',
    priority: 10,
    headers: {},
    payload: {},
    ...extra,
  }
}

function fcmPush(token: string, at: number, collapseId?: string): FcmPush {
  sequence += 1
  return {
    sequence,
    provider: 'fcm',
    id: String(sequence),
    token,
    appId: 'com.example.authenticator',
    ...(collapseId === undefined ? {} : { collapseId }),
    expiresAt: at + 60_000,
    at,
    priority: 'high',
    ttlSeconds: 60,
    data: {},
  }
}

function setUp(provider: 'apns' | 'fcm' = 'apns') {
  const clock = { now: 1_000_000 }
  const phones = new Phones(() => clock.now)
  const { token } = phones.register({ provider, appId: 'com.example.authenticator' })
  const receivedPushes: AcceptedPush[] = []
  const listen = (): (() => void) => phones.listen(token, (push) => receivedPushes.push(push))
  const flush = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  return { clock, phones, token, receivedPushes, listen, flush }
}

test('a phone online with listeners gets its pushes immediately, every listener once', async () => {
  const { clock, phones, token, receivedPushes, listen } = setUp()
  const stop = listen()
  listen()
  phones.deliver(apnsPush(token, clock.now))
  await until('both received it', () => receivedPushes.length === 2)
  stop()
  phones.deliver(apnsPush(token, clock.now))
  await until('one received it', () => receivedPushes.length === 3)
  expect(phones.storedPushes(token)).toEqual([])
})

test('a stopped listener receives nothing, not even pushes in flight', async () => {
  const { clock, phones, token, receivedPushes, listen, flush } = setUp()
  const stop = listen()
  phones.deliver(apnsPush(token, clock.now))
  stop()
  await flush()
  expect(receivedPushes).toEqual([])
})

test('APNs keeps only the newest notification for an app that is out of reach', async () => {
  const { clock, phones, token, receivedPushes, listen } = setUp()
  listen()
  phones.offline(token)
  phones.deliver(apnsPush(token, clock.now, { collapseId: 'a' }))
  const last = apnsPush(token, clock.now, { collapseId: 'b' })
  phones.deliver(last)
  phones.online(token)
  await until('it arrived', () => receivedPushes.length > 0)
  expect(receivedPushes).toEqual([last])
})

test('a push with expiration 0 is not stored, and does not replace a stored one', () => {
  const { clock, phones, token } = setUp()
  const keptPush = apnsPush(token, clock.now)
  phones.deliver(keptPush)
  phones.deliver(apnsPush(token, clock.now, { expiresAt: clock.now }))
  expect(phones.storedPushes(token)).toEqual([keptPush])
})

test('an expired push never arrives', async () => {
  const { clock, phones, token, receivedPushes, listen, flush } = setUp()
  phones.deliver(apnsPush(token, clock.now))
  clock.now += 60_000
  listen()
  phones.deliver(apnsPush(token, clock.now, { expiresAt: 1 }))
  await flush()
  expect(receivedPushes).toEqual([])
})

test('pushes stored before any listener go to the first listener only', async () => {
  const { clock, phones, token, receivedPushes, listen, flush } = setUp()
  phones.deliver(apnsPush(token, clock.now))
  listen()
  listen()
  await flush()
  expect(receivedPushes).toHaveLength(1)
})

test('a listener to all phones receives the pushes of each', async () => {
  const { clock, phones, token, receivedPushes, flush } = setUp()
  const other = phones.register({ provider: 'fcm', appId: 'com.example.authenticator' })
  phones.deliver(apnsPush(token, clock.now))
  const stop = phones.listenToAll((push) => receivedPushes.push(push))
  phones.deliver(fcmPush(other.token, clock.now))
  await flush()
  stop()
  phones.deliver(apnsPush(token, clock.now))
  await flush()
  expect(receivedPushes.map((push) => push.provider)).toEqual(['apns', 'fcm'])
})

test('a removed app gets nothing, not even stored pushes', async () => {
  const { clock, phones, token, receivedPushes, listen, flush } = setUp()
  phones.deliver(apnsPush(token, clock.now))
  phones.unregister(token)
  listen()
  await flush()
  expect(receivedPushes).toEqual([])
  expect(phones.find(token)?.unregisteredAt).toBe(clock.now)
})

test('FCM replaces a stored message by collapse key and keeps the others', () => {
  const { clock, phones, token } = setUp('fcm')
  const plain = fcmPush(token, clock.now)
  const newer = fcmPush(token, clock.now, 'a')
  for (const push of [plain, fcmPush(token, clock.now, 'a'), newer]) phones.deliver(push)
  expect(phones.storedPushes(token)).toEqual([plain, newer])
})

test('FCM keeps four collapse keys and drops the oldest for a fifth', () => {
  const { clock, phones, token } = setUp('fcm')
  for (const key of ['a', 'b', 'c', 'd', 'e']) phones.deliver(fcmPush(token, clock.now, key))
  expect(phones.storedPushes(token).map((push) => push.collapseId)).toEqual(['b', 'c', 'd', 'e'])
})

test('FCM discards all plain messages at the hundred-and-first', () => {
  const { clock, phones, token } = setUp('fcm')
  const keptPush = fcmPush(token, clock.now, 'a')
  phones.deliver(keptPush)
  for (let count = 0; count < 100; count += 1) phones.deliver(fcmPush(token, clock.now))
  expect(phones.storedPushes(token)).toHaveLength(101)
  phones.deliver(fcmPush(token, clock.now))
  expect(phones.storedPushes(token)).toEqual([keptPush])
})

test('a token is issued once, and calls for an unknown one name the remedy', () => {
  const { phones, token } = setUp()
  const again = { provider: 'apns', appId: 'x', token } as const
  expect(() => phones.register(again)).toThrow('already in use')
  expect(() => phones.listen('none', () => undefined)).toThrow('call register first')
})

test('an APNs token is stored in lower case', () => {
  const { phones } = setUp()
  const { token } = phones.register({ provider: 'apns', appId: 'x', token: 'ABCDEF' })
  expect(token).toBe('abcdef')
})
