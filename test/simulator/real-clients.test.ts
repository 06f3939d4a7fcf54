import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Notification, Provider } from '@parse/node-apn'
import { cert, deleteApp, initializeApp } from 'firebase-admin/app'
import { getMessaging, type Message } from 'firebase-admin/messaging'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { FaultEffect } from '../../simulator/faults.ts'
import type { AcceptedPush } from '../../simulator/pushes.ts'
import { DEFAULT_BUNDLE_ID, type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { until } from '../support/until.ts'
import { RedirectAgent } from './wire-clients.ts'

let simulator: Simulator
let folder: string
let agent: RedirectAgent
let provider: Provider
let appleToken: string
let googleToken: string
let app: ReturnType<typeof initializeApp>
const receivedPushes: AcceptedPush[] = []

beforeAll(async () => {
  simulator = await startSimulator()
  const { apns, fcm, phones, credentials } = simulator
  const { keyPem: key, keyId, teamId } = credentials.apns
  provider = new Provider({
    token: { key, keyId, teamId },
    address: apns.host,
    port: apns.port,
    ca: [simulator.caPem],
    production: true,
    connectionRetryLimit: 0,
  })
  agent = new RedirectAgent(simulator)
  folder = await mkdtemp(join(tmpdir(), 'simulator-'))
  const file = join(folder, 'service-account.json')
  await writeFile(file, JSON.stringify(credentials.fcm.serviceAccount), { mode: 0o600 })
  const projectId = credentials.fcm.serviceAccount.project_id
  app = initializeApp({ credential: cert(file, agent), projectId, httpAgent: agent })
  appleToken = phones.register({ provider: 'apns', appId: DEFAULT_BUNDLE_ID }).token
  googleToken = phones.register({ provider: 'fcm', appId: DEFAULT_BUNDLE_ID }).token
  phones.listenToAll((push) => receivedPushes.push(push))
  expect(fcm.port).toBeGreaterThan(0)
})
beforeEach(() => {
  receivedPushes.length = 0
  simulator.faults.clear()
})
afterAll(async () => {
  await provider.shutdown()
  await deleteApp(app)
  agent.destroy()
  await simulator.close()
  await rm(folder, { recursive: true })
})

function notification(): Notification {
  const alert = new Notification()
  alert.topic = DEFAULT_BUNDLE_ID
  alert.pushType = 'alert'
  alert.priority = 10
  alert.expiry = Math.floor(Date.now() / 1000) + 60
  alert.collapseId = 'chl_1'
  alert.id = '0190e1f7-9c1b-7c3a-8d2e-1a2b3c4d5e6f'
  alert.rawPayload = { aps: { alert: 'Sign in?' }, cid: 'chl_1' }
  return alert
}

test('node-apn delivers a notification to the phone', async () => {
  const result = await provider.send(notification(), appleToken)
  expect(result.sent).toEqual([
    { device: appleToken, 'apns-id': '0190e1f7-9c1b-7c3a-8d2e-1a2b3c4d5e6f' },
  ])
  await until('the phone has it', () => receivedPushes.length === 1)
  expect(receivedPushes[0]).toMatchObject({
    provider: 'apns',
    token: appleToken,
    collapseId: 'chl_1',
    priority: 10,
    pushType: 'alert',
    payload: { aps: { alert: 'Sign in?' }, cid: 'chl_1' },
  })
})

const apnsFaults: [string, FaultEffect, object][] = [
  [
    'Unregistered with its time',
    { kind: 'reason', reason: 'Unregistered', timestamp: 1_772_366_400_000 },
    { status: 410, response: { reason: 'Unregistered', timestamp: 1_772_366_400_000 } },
  ],
  [
    'TopicDisallowed',
    { kind: 'reason', reason: 'TopicDisallowed' },
    { status: 400, response: { reason: 'TopicDisallowed' } },
  ],
  ['a reset stream', { kind: 'reset' }, { error: expect.any(Error) }],
  ['a broken connection', { kind: 'close_socket' }, { error: expect.any(Error) }],
]

test.each(apnsFaults)('node-apn reports %s', async (_what, fault, outcome) => {
  simulator.faults.add({ provider: 'apns', ...fault })
  const result = await provider.send(notification(), appleToken)
  expect(result.failed).toMatchObject([{ device: appleToken, ...outcome }])
  expect((await provider.send(notification(), appleToken)).sent).toHaveLength(1)
})

test('node-apn signs a new provider token after the old one expired', async () => {
  simulator.faults.add({ provider: 'apns', kind: 'reason', reason: 'ExpiredProviderToken' })
  const before = simulator.log.counts().apns.answered.ExpiredProviderToken ?? 0
  await provider.send(notification(), appleToken)
  expect(simulator.log.counts().apns.answered.ExpiredProviderToken).toBe(before + 1)
  expect((await provider.send(notification(), appleToken)).sent).toHaveLength(1)
})

function message(): Message {
  return {
    token: googleToken,
    data: { cid: 'chl_1' },
    android: { priority: 'high', ttl: 60_000, collapseKey: 'chl_1' },
  }
}

test('firebase-admin delivers a message to the phone', async () => {
  const name = await getMessaging(app).send(message())
  await until('the phone has it', () => receivedPushes.length === 1)
  expect(receivedPushes[0]).toMatchObject({
    provider: 'fcm',
    id: name,
    token: googleToken,
    collapseId: 'chl_1',
    priority: 'high',
    ttlSeconds: 60,
    data: { cid: 'chl_1' },
  })
})

test('firebase-admin fetches one access token for many messages', async () => {
  await Promise.all([1, 2, 3].map(() => getMessaging(app).send(message())))
  expect(simulator.log.counts().oauth.answered).toEqual({ ok: 1 })
})

const fcmFaults: [string, string][] = [
  ['UNREGISTERED', 'messaging/registration-token-not-registered'],
  ['NOT_FOUND', 'messaging/registration-token-not-registered'],
  ['SENDER_ID_MISMATCH', 'messaging/mismatched-credential'],
  ['QUOTA_EXCEEDED', 'messaging/message-rate-exceeded'],
  ['INTERNAL', 'messaging/internal-error'],
  ['INVALID_ARGUMENT', 'messaging/invalid-argument'],
  ['THIRD_PARTY_AUTH_ERROR', 'messaging/third-party-auth-error'],
  ['UNAUTHENTICATED', 'messaging/third-party-auth-error'],
]

test.each(fcmFaults)('firebase-admin reads %s as %s', async (reason, code) => {
  simulator.faults.add({ provider: 'fcm', kind: 'reason', reason })
  await expect(getMessaging(app).send(message())).rejects.toMatchObject({ code })
})

test('firebase-admin keeps using a revoked access token, and gets the error', async () => {
  await getMessaging(app).send(message())
  simulator.accessTokens.revoke()
  const code = 'messaging/third-party-auth-error'
  await expect(getMessaging(app).send(message())).rejects.toMatchObject({ code })
})
