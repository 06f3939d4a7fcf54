import { describe, expect, test } from 'vitest'
import type { PushMessage, PushProvider } from '../../src/push/push.store.ts'
import { buildPushRouter } from '../../src/push/push-router.adapter.ts'
import { APP_ID, aPush, recordingLog } from './push-gateway.ts'

function aProvider(id: string) {
  const messages: PushMessage[] = []
  let drains = 0
  const push: PushProvider = {
    send: async (message) => {
      messages.push(message)
      return { kind: 'accepted', providerMessageId: id }
    },
    drain: async () => {
      drains += 1
    },
  }
  return { push, messages, drains: () => drains }
}

const production = aProvider('production')
const sandbox = aProvider('sandbox')
const android = aProvider('android')
const other = aProvider('other')

function aRouter(log = recordingLog()) {
  return buildPushRouter(
    [
      { provider: 'apns', appId: APP_ID, environment: 'production', push: production.push },
      { provider: 'apns', appId: APP_ID, environment: 'sandbox', push: sandbox.push },
      { provider: 'fcm', appId: APP_ID, push: android.push },
      { provider: 'fcm', appId: 'com.example.other', push: other.push },
    ],
    log,
  )
}

describe('the push router', () => {
  test.each([
    ['production', { provider: 'apns', environment: 'production' }],
    ['sandbox', { provider: 'apns', environment: 'sandbox' }],
    ['android', { provider: 'fcm' }],
    ['android', { provider: 'fcm', environment: 'sandbox' }],
    ['other', { provider: 'fcm', appId: 'com.example.other' }],
  ] as const)('%s serves %j', async (providerMessageId, address) => {
    const result = await aRouter().send(aPush({ address }))
    expect(result).toEqual({ kind: 'accepted', providerMessageId })
  })

  test.each([
    [
      { provider: 'apns', appId: 'com.example.nobody' },
      /APNs key.*com\.example\.nobody.*production/,
    ],
    [{ provider: 'apns', appId: 'com.example.other' }, /APNs key/],
    [{ provider: 'fcm', appId: 'com.example.nobody' }, /FCM service account.*com\.example\.nobody/],
  ] as const)(
    '%j has no credentials, and the answer says which are missing',
    async (address, text) => {
      const log = recordingLog()
      const result = await aRouter(log).send(aPush({ address }))
      expect(result).toEqual({ kind: 'misconfigured', reason: expect.stringMatching(text) })
      expect(log.lines).toMatchObject([{ level: 'error', fields: { result } }])
    },
  )

  test('an app id made to look like something else stays an app id', async () => {
    const appId = `${APP_ID}","sandbox\n\u001b[31m`
    const result = await aRouter().send(aPush({ address: { appId } }))
    expect(result.kind).toBe('misconfigured')
    expect(JSON.stringify(result)).not.toMatch(/\\n|\\u001b/)
  })

  test('browsers have one route for every app, and no credentials of a tenant', async () => {
    const browsers = aProvider('browsers')
    const resolvedAddresses: unknown[] = []
    const router = buildPushRouter(
      [
        { provider: 'fcm', appId: APP_ID, push: android.push },
        { provider: 'web_push', push: browsers.push },
      ],
      recordingLog(),
      {
        resolve: async (_tenantId, address) => {
          resolvedAddresses.push(address)
          return other.push
        },
        drain: async () => undefined,
      },
    )
    for (const appId of [APP_ID, 'com.example.nobody']) {
      const result = await router.send(aPush({ address: { provider: 'web_push', appId } }))
      expect(result).toEqual({ kind: 'accepted', providerMessageId: 'browsers' })
    }
    expect(resolvedAddresses).toEqual([])
    await router.drain()
    expect(browsers.drains()).toBe(1)
  })

  test('draining drains every provider once, also one that serves two apps', async () => {
    const sharedProvider = aProvider('shared')
    const router = buildPushRouter(
      [
        { provider: 'fcm', appId: 'com.example.a', push: sharedProvider.push },
        { provider: 'fcm', appId: 'com.example.b', push: sharedProvider.push },
        { provider: 'fcm', appId: APP_ID, push: production.push },
      ],
      recordingLog(),
    )
    const before = production.drains()
    await router.drain()
    expect(sharedProvider.drains()).toBe(1)
    expect(production.drains()).toBe(before + 1)
  })

  test('two providers for the same addresses are refused at the start', () => {
    const route = { provider: 'fcm', appId: APP_ID, push: production.push } as const
    expect(() => buildPushRouter([route, { ...route }], recordingLog())).toThrow(/two of them/)
  })
})

test('a token that a tenant’s own credentials call dead is dead for that tenant only', async () => {
  const deadTokenProvider: PushProvider = {
    send: async () => ({ kind: 'token_gone', reason: 'Unregistered' }),
    drain: async () => undefined,
  }
  const route = { provider: 'fcm', appId: APP_ID, push: deadTokenProvider } as const
  const address = { provider: 'fcm' } as const
  const send = (own: PushProvider | null) =>
    buildPushRouter([route], recordingLog(), {
      resolve: async () => own,
      drain: async () => undefined,
    }).send(aPush({ address }))
  expect(await send(deadTokenProvider)).toEqual({
    kind: 'token_gone',
    reason: 'Unregistered',
    tenantOnly: true,
  })
  expect(await send(null)).toEqual({ kind: 'token_gone', reason: 'Unregistered' })
})
