import { beforeEach, describe, expect, test } from 'vitest'
import type { TenantId } from '../../src/domain/ids.ts'
import { buildAppProviders, type StoredCredentials } from '../../src/push/app-providers.adapter.ts'
import type { PushProvider } from '../../src/push/push.store.ts'
import { buildPushRouter } from '../../src/push/push-router.adapter.ts'
import { APP_ID, aPush, recordingLog } from './push-gateway.ts'

const mine = 'tnt_mine' as TenantId
const theirs = 'tnt_theirs' as TenantId
const address = { provider: 'fcm', appId: APP_ID, environment: 'production' } as const

let credentials: Map<string, StoredCredentials>
let reads: number
let openedProviders: string[]
let closedProviders: string[]
beforeEach(() => {
  credentials = new Map()
  reads = 0
  openedProviders = []
  closedProviders = []
})
const has = (tenantId: TenantId, version: number, appId: string = APP_ID) =>
  credentials.set(`${tenantId} ${appId}`, {
    id: `app_${appId}`,
    version,
    secret: `${tenantId} v${version}`,
  })

function providers(more: Partial<Parameters<typeof buildAppProviders>[0]> = {}) {
  return buildAppProviders({
    find: async (tenantId, { appId }) => {
      reads += 1
      return credentials.get(`${tenantId} ${appId}`) ?? null
    },
    open: (_, secret): PushProvider => {
      openedProviders.push(secret)
      return {
        send: async () => ({ kind: 'accepted', providerMessageId: secret }),
        drain: async () => void closedProviders.push(secret),
      }
    },
    log: recordingLog(),
    ...more,
  })
}

describe('the provider of a tenant’s own app', () => {
  test('is opened once, when first needed, however many need it concurrently', async () => {
    has(mine, 1)
    const own = providers()
    const resolvedProviders = await Promise.all(
      Array.from({ length: 50 }, () => own.resolve(mine, address)),
    )
    expect(new Set(resolvedProviders).size).toBe(1)
    expect([openedProviders, reads]).toEqual([[`${mine} v1`], 1])
  })

  test('is that of the tenant, and no other’s', async () => {
    has(mine, 1)
    const own = providers()
    expect(await own.resolve(theirs, address)).toBeNull()
    has(theirs, 1)
    await own.forget(theirs)
    expect(await (await own.resolve(theirs, address))?.send(aPush())).toMatchObject({
      providerMessageId: `${theirs} v1`,
    })
  })

  test('is replaced on changed credentials, and ends with removed ones, as soon as it is notified', async () => {
    has(mine, 1)
    const own = providers()
    await own.resolve(mine, address)
    has(mine, 2)
    await own.forget(mine)
    expect([openedProviders, closedProviders]).toEqual([
      [`${mine} v1`, `${mine} v2`],
      [`${mine} v1`],
    ])
    credentials.clear()
    await own.forget(mine)
    expect(closedProviders).toEqual([`${mine} v1`, `${mine} v2`])
    expect(await own.resolve(mine, address)).toBeNull()
  })

  test('is read again after a while without a notification', async () => {
    has(mine, 1)
    const own = providers({ cacheMs: 0 })
    await own.resolve(mine, address)
    has(mine, 2)
    await own.resolve(mine, address)
    expect([openedProviders, closedProviders]).toEqual([
      [`${mine} v1`, `${mine} v2`],
      [`${mine} v1`],
    ])
  })

  test('stays open while nothing changes', async () => {
    has(mine, 1)
    const own = providers({ cacheMs: 0 })
    const first = await own.resolve(mine, address)
    expect(await own.resolve(mine, address)).toBe(first)
    expect([openedProviders.length, closedProviders.length]).toEqual([1, 0])
  })

  test('is closed when too many are open and it is the least recently used', async () => {
    const own = providers({ openMax: 2 })
    for (const appId of ['a', 'b', 'c']) has(mine, 1, appId)
    await own.resolve(mine, { ...address, appId: 'a' })
    await own.resolve(mine, { ...address, appId: 'b' })
    await own.resolve(mine, { ...address, appId: 'a' })
    await own.resolve(mine, { ...address, appId: 'c' })
    expect([openedProviders.length, closedProviders.length]).toEqual([3, 1])
    const b = await own.resolve(mine, { ...address, appId: 'b' })
    expect(b).not.toBeNull()
    expect([openedProviders.length, closedProviders.length]).toEqual([4, 2])
    await own.drain()
    expect(closedProviders).toHaveLength(4)
  })

  test('whose credentials are invalid reports that at each push', async () => {
    has(mine, 1)
    const own = providers({
      open: () => {
        throw new Error('not a key')
      },
    })
    const provider = await own.resolve(mine, address)
    expect(await provider?.send(aPush())).toEqual({
      kind: 'misconfigured',
      reason: `credentials of app_${APP_ID}: not a key`,
    })
  })
})

describe('the router', () => {
  const sharedProvider: PushProvider = {
    send: async () => ({ kind: 'accepted', providerMessageId: 'shared' }),
    drain: async () => undefined,
  }
  const routes = [{ provider: 'fcm', appId: APP_ID, push: sharedProvider }] as const
  const pushOf = (tenantId: TenantId) => aPush({ tenantId, address })

  test('prefers the tenant’s own credentials, and serves all others with the environment’s', async () => {
    has(mine, 1)
    const router = buildPushRouter(routes, recordingLog(), providers())
    expect(await router.send(pushOf(mine))).toMatchObject({ providerMessageId: `${mine} v1` })
    expect(await router.send(pushOf(theirs))).toMatchObject({ providerMessageId: 'shared' })
    await router.drain()
    expect(closedProviders).toEqual([`${mine} v1`])
  })

  test('sends with no other credentials while a tenant’s own cannot be read', async () => {
    const brokenProviders = providers({ find: () => Promise.reject(new Error('database down')) })
    const router = buildPushRouter(routes, recordingLog(), brokenProviders)
    expect(await router.send(pushOf(mine))).toEqual({
      kind: 'retry',
      reason: 'credentials not read: database down',
    })
  })
})
