// Pushes to browsers, from the key under which they subscribe to the end of a subscription.

import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { DeviceClient } from '../../clients/device/src/device-client.ts'
import {
  claimEnrollment,
  type PushRegistration,
  readEnrollmentUri,
} from '../../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import type { Subscription } from '../../simulator/browsers.ts'
import { openOperations } from '../../src/service/open-operations.ts'
import { onServer } from '../support/cluster.ts'
import { type RunningService, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'

const logLines: string[] = []
const log = pino(
  { level: 'trace' },
  new Writable({ write: (line, _, done) => done(void logLines.push(String(line))) }),
)
let service: RunningService
beforeAll(async () => {
  service = await startTestService({}, log)
})
afterEach(() => service.simulator.faults.clear())
afterAll(() => service[Symbol.asyncDispose]())

const currentKey = async () => {
  const response = await fetch(`${service.origin}/device/v1/web-push-key`)
  const { publicKey } = (await response.json()) as { publicKey: string }
  return { response, publicKey }
}
const subscribe = async () => service.simulator.browsers.subscribe((await currentKey()).publicKey)

let userCount = 0
/** Enrolls a browser with this push address. */
async function enroll(push: PushRegistration | undefined, language?: string) {
  userCount += 1
  const user = `user-${userCount}`
  const { json } = await service.api('POST', '/v1/enrollments', { user, displayName: user })
  const ticket = readEnrollmentUri(json.uri)
  if (!ticket) throw new Error('no enrollment URI')
  const keys = await createDeviceKeys({ verification: false })
  const device = { name: 'Browser', model: 'Firefox', osVersion: '1', appVersion: '1.0.0' } as const
  const account = await claimEnrollment({
    ticket,
    keys,
    appId: 'com.example.web',
    device: { ...device, platform: 'web', ...(language && { language }) },
    ...(push && { push }),
  })
  const client = new DeviceClient({ account, keys })
  const { number } = (await service.api('GET', `/v1/enrollments/${json.id}`)).json
  await client.confirm(number)
  return { user, client, deviceId: account.deviceId }
}
const registrationOf = (subscription: Subscription, vapidKey?: string): PushRegistration => ({
  provider: 'web_push',
  ...subscription,
  ...(vapidKey && { vapidKey }),
})
async function enrollBrowser(language?: string) {
  const subscription = await subscribe()
  const browser = await enroll(registrationOf(subscription), language)
  return { ...browser, ...subscription }
}

async function ask(user: string) {
  await onServer(service.database.url, (client) => client.query('delete from initiators'))
  const { json } = await service.api('POST', '/v1/challenges', { user, ttlSeconds: 60 })
  return json.id as string
}
const settledPush = (challengeId: string) =>
  until('the push is settled', async () => {
    const { json } = await service.api('GET', `/v1/challenges/${challengeId}`)
    const { push } = json.devices[0]
    return push?.status !== 'queued' && push
  })
const notificationsOf = (endpoint: string) =>
  service.simulator.browsers
    .pushesTo(endpoint)
    .map(({ text }) => JSON.parse(text ?? '').notification)

test('the key to subscribe under is the same for everybody, in every process, and may be cached', async () => {
  const keys = await Promise.all(Array.from({ length: 20 }, currentKey))
  expect(new Set(keys.map(({ publicKey }) => publicKey)).size).toBe(1)
  expect(keys[0]?.response.headers.get('cache-control')).toBe('public, max-age=300')
  await service.restart()
  expect((await currentKey()).publicKey).toBe(keys[0]?.publicKey)
})

describe('a browser', () => {
  test('is asked in its language, and is shown silently that the question is over', async () => {
    const { user, deviceId, endpoint } = await enrollBrowser('nl')
    const challengeId = await ask(user)
    expect(await settledPush(challengeId)).toMatchObject({ status: 'sent' })
    await service.api('POST', `/v1/challenges/${challengeId}/cancel`)
    await until('the browser has both', () => notificationsOf(endpoint).length === 2)
    const [opened, closed] = notificationsOf(endpoint)
    expect(opened).toMatchObject({
      title: 'Aanmelding',
      lang: 'nl',
      silent: false,
      tag: challengeId,
      navigate: `${service.origin}/authenticator/`,
      data: { v: 1, cid: challengeId, did: deviceId, kind: 'challenge_opened' },
    })
    expect(closed).toMatchObject({
      tag: challengeId,
      silent: true,
      body: expect.stringMatching(/./),
    })
  })

  test('gets a test push, and its help desk sees that it was sent', async () => {
    const { deviceId, endpoint } = await enrollBrowser()
    const sending = await service.api('POST', `/v1/devices/${deviceId}/test-push`)
    expect(sending.status).toBe(202)
    await until('the browser has it', () => notificationsOf(endpoint).length === 1)
    expect(notificationsOf(endpoint)[0].data).toMatchObject({ kind: 'test', did: deviceId })
  })

  test('that has unsubscribed loses its token, and gets another by subscribing again', async () => {
    const { user, client, endpoint } = await enrollBrowser()
    service.simulator.browsers.unsubscribe(endpoint)
    expect(await settledPush(await ask(user))).toMatchObject({ status: 'failed' })
    const next = await subscribe()
    await client.setPushToken(registrationOf(next))
    expect(await settledPush(await ask(user))).toMatchObject({ status: 'sent' })
    expect(notificationsOf(next.endpoint)).toHaveLength(1)
  })

  test('whose push is refused for its signature keeps its token, and the operator learns of it', async () => {
    const { user } = await enrollBrowser()
    service.simulator.faults.add({ provider: 'web_push', kind: 'reason', reason: 'BadJwtToken' })
    expect(await settledPush(await ask(user))).toMatchObject({ status: 'failed' })
    expect(logLines.join('')).toContain('push refused: check the credentials of this app')
    const metrics = await (await fetch(`${service.origin}/metrics`)).text()
    expect(metrics).toMatch(
      /push_duration_seconds_count\{provider="web_push",.*"misconfigured"\} 1/,
    )
    expect(await settledPush(await ask(user))).toMatchObject({ status: 'sent' })
  })
})

describe('after a rotation of the key', () => {
  test('browsers are pushed under the key that they subscribed under, new ones under the new key', async () => {
    const former = (await currentKey()).publicKey
    const old = await enrollBrowser()
    const stale = service.simulator.browsers.subscribe(former)
    const operations = await openOperations(service.config, service.origin, log)
    const rotation = await operations.rotateWebPushKey()
    await operations.close()
    const { publicKey } = await currentKey()
    expect(rotation).toEqual({ publicKey })
    expect(publicKey).not.toBe(former)
    const late = await enroll(registrationOf(stale, former))
    const fresh = await enrollBrowser()
    for (const { user } of [old, late, fresh]) {
      expect(await settledPush(await ask(user)), user).toMatchObject({ status: 'sent' })
    }
  })
})

describe('an address', () => {
  const keysOf = async () => (await subscribe()).keys
  const refused = { status: 400 }

  test.each([
    'https://127.0.0.1/a',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/a',
    'https://localhost/a',
    'https://intranet.example/a',
    'https://fcm.googleapis.com.example.com/a',
    'http://fcm.googleapis.com/a',
    'https://fcm.googleapis.com:8443/a',
    'https://user:password@fcm.googleapis.com/a',
    'https://fсm.googleapis.com/a',
    `https://fcm.googleapis.com/${'a'.repeat(1_024)}`,
  ])('%s is refused, at enrollment and later', async (endpoint) => {
    const push = { provider: 'web_push', endpoint, keys: await keysOf() } as const
    await expect(enroll(push)).rejects.toMatchObject(refused)
    const { client } = await enroll(undefined)
    await expect(client.setPushToken(push)).rejects.toMatchObject(refused)
  })

  test('with keys that are none, or with more than an address has, is refused', async () => {
    const { endpoint, keys } = await subscribe()
    const { client } = await enroll(undefined)
    const other = `B${'A'.repeat(86)}`
    const addresses: object[] = [
      { endpoint, keys: { ...keys, p256dh: other } },
      { endpoint, keys: { ...keys, p256dh: keys.p256dh.slice(0, 60) } },
      { endpoint, keys: { ...keys, auth: 'short' } },
      { endpoint, keys: { ...keys, auth: `${keys.auth.slice(0, 21)}B` } },
      { endpoint, keys: { p256dh: keys.p256dh } },
      { endpoint, keys, expirationTime: null },
      { endpoint, keys, environment: 'production' },
      { endpoint, keys, vapidKey: keys.p256dh },
    ]
    for (const address of addresses) {
      const push = { provider: 'web_push', ...address } as PushRegistration
      await expect(client.setPushToken(push), JSON.stringify(address)).rejects.toMatchObject(
        refused,
      )
    }
    await client.setPushToken(registrationOf({ endpoint, keys }))
  })
})

test('no endpoint and no key of a browser is readable in the database or in the log', async () => {
  const { user, endpoint, keys } = await enrollBrowser()
  await settledPush(await ask(user))
  service.simulator.browsers.unsubscribe(endpoint)
  await settledPush(await ask(user))
  const rows = await onServer(service.database.url, async (client) => {
    const { rows: tables } = await client.query(
      "select tablename from pg_tables where schemaname = 'public'",
    )
    const dumps: unknown[] = []
    for (const { tablename } of tables) {
      const { rows: dump } = await client.query(`select t::text from "${tablename}" t`)
      dumps.push(dump)
    }
    return JSON.stringify(dumps)
  })
  expect(rows).toContain('web_push')
  for (const text of [rows, logLines.join('')]) {
    expect(text.length).toBeGreaterThan(1_000)
    for (const secret of [new URL(endpoint).pathname, keys.auth, keys.p256dh, 'vapid t=']) {
      expect(text).not.toContain(secret)
    }
  }
})
