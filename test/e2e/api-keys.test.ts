// What a stolen or expired key can still do: over HTTP, with real processes.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { onServer } from '../support/cluster.ts'
import { runCommand } from '../support/command-line.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openApiFile } from '../support/openapi-file.ts'
import {
  type Api,
  createApi,
  enrollPhone,
  type Reply,
  startTestService,
} from '../support/running-service.ts'
import { startServiceProcess } from '../support/service-process.ts'
import { startHere } from '../support/service-start.ts'
import { until } from '../support/until.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

/** A key of the caller's own relying party. */
async function aKey(api: Api, more: object = {}): Promise<{ id: string; secret: string }> {
  const [{ id: relyingPartyId }] = (await api('GET', '/v1/relying-parties')).json.items
  const creation = await api('POST', '/v1/api-keys', { relyingPartyId, name: 'test', ...more })
  if (creation.status !== 201) throw new Error(creation.text)
  return creation.json
}

describe('two processes of the service', () => {
  let database: TestDatabase
  let origins: readonly [string, string]
  let admin: Api
  const stack = new AsyncDisposableStack()

  beforeAll(async () => {
    database = await createTestDatabase()
    const masterKey = Buffer.alloc(32, 3).toString('base64url')
    const environment = { DATABASE_URL: database.url, MASTER_KEY: masterKey, PORT: '0' }
    const first = stack.use(await startHere(environment))
    const second = stack.use(await startServiceProcess(environment))
    origins = [first.origin, second.origin]
    admin = createApi(first.origin, /API key +(cs_\S+)/.exec(first.stdout)?.[1] ?? '')
  })
  afterAll(async () => {
    await stack.disposeAsync()
    await database.drop()
  })

  /** The start time of the last request that the second process still accepted. */
  async function lastTaken(api: Api): Promise<number> {
    let last = 0
    await until('the other process refuses the key', async () => {
      const startedAt = performance.now()
      const { status } = await api('GET', '/v1/tenant')
      if (status === 200) last = startedAt
      return status === 401
    })
    return last
  }

  test('a key that one revokes or lets expire is refused by the other within a second', async () => {
    for (const end of ['revoke', 'rotate'] as const) {
      const key = await aKey(admin)
      const elsewhere = createApi(origins[1], key.secret)
      expect((await elsewhere('GET', '/v1/tenant')).status).toBe(200)
      const body = end === 'rotate' ? { overlapSeconds: 0 } : undefined
      const ending = await admin('POST', `/v1/api-keys/${key.id}/${end}`, body)
      const at = performance.now()
      expect(ending.status).toBeLessThan(300)
      expect((await lastTaken(elsewhere)) - at).toBeLessThan(1_000)
    }
  })

  test('so is one whose revocation was not signalled', async () => {
    const key = await aKey(admin)
    const elsewhere = createApi(origins[1], key.secret)
    expect((await elsewhere('GET', '/v1/tenant')).status).toBe(200)
    await onServer(database.url, (client) =>
      client.query('update api_keys set revoked_at = clock_timestamp() where id = $1', [key.id]),
    )
    const at = performance.now()
    expect((await lastTaken(elsewhere)) - at).toBeLessThan(1_000)
  })

  test('so is one revoked by a command', async () => {
    const key = await aKey(admin)
    const elsewhere = createApi(origins[1], key.secret)
    expect((await elsewhere('GET', '/v1/tenant')).status).toBe(200)
    const { code } = await runCommand(['keys', 'revoke', key.id], {
      DATABASE_URL: database.url,
      MASTER_KEY: Buffer.alloc(32, 3).toString('base64url'),
    })
    expect(code).toBe(0)
    const at = performance.now()
    expect((await lastTaken(elsewhere)) - at).toBeLessThan(1_000)
  })
})

describe('a key that is bound to addresses', () => {
  const addressBinding = { allowedAddresses: ['203.0.113.0/24', '2001:db8::/32'] }
  const from = (address: string) => ({ 'x-forwarded-for': address })

  test('is checked against the client address from a trusted proxy, and refused without naming the list', async () => {
    await using service = await startTestService({ trustProxy: '127.0.0.1' })
    const api = createApi(service.origin, (await aKey(service.api, addressBinding)).secret)
    const status = async (address: string) =>
      (await api('GET', '/v1/tenant', undefined, from(address))).status
    expect(await status('203.0.113.9')).toBe(200)
    expect(await status('2001:db8::5')).toBe(200)
    expect(await status('203.0.114.9')).toBe(403)
    // Only the hop that the trusted proxy wrote counts; addresses that the client put before it do
    // not.
    expect(await status('203.0.113.9, 198.51.100.1')).toBe(403)
    expect(await status('unknown')).toBe(403)
    const refusal = await api('GET', '/v1/tenant')
    expect(refusal.json).toMatchObject({ status: 403, code: 'address_not_allowed' })
    expect(refusal.text).not.toMatch(/203\.|2001:|127\.0/)
  })

  test('is checked by the address alone where the proxies write ports and brackets', async () => {
    await using service = await startTestService({ trustProxy: '127.0.0.1, 198.51.100.1' })
    const api = createApi(service.origin, (await aKey(service.api, addressBinding)).secret)
    const status = async (address: string) =>
      (await api('GET', '/v1/tenant', undefined, from(address))).status
    for (const fine of [
      '203.0.113.7:4711',
      '[2001:db8::1]:443',
      '[2001:db8::1]',
      '[::ffff:203.0.113.7]:1',
      '203.0.113.7:4711, 198.51.100.1:8080',
      '[2001:db8::1]:443 ,\t198.51.100.1:65535',
    ]) {
      expect(await status(fine), fine).toBe(200)
    }
    for (const other of [
      '203.0.114.9:4711',
      '203.0.113.7:4711, 192.0.2.1:80',
      '203.0.113.7:',
      '203.0.113.7:x',
      '203.0.113.7:65536',
      '203.0.113.7:000001',
      '203.0.113.7:80:80',
      '[203.0.113.7]:80',
      '[203.0.113.7]',
      '[2001:db8::1',
      '2001:db8::1]:443',
      '[2001:db8::1]:',
      '[2001:db8::1]443',
      '[[2001:db8::1]]',
      '"[2001:db8::1]:443"',
      '0313.0.113.7:80',
    ]) {
      expect(await status(other), other).toBe(403)
    }
  })

  test('is checked against the connection itself where no proxy is trusted', async () => {
    await using service = await startTestService()
    const api = createApi(service.origin, (await aKey(service.api, addressBinding)).secret)
    const spoofedReply = await api('GET', '/v1/tenant', undefined, from('203.0.113.9'))
    expect(spoofedReply.json).toMatchObject({ code: 'address_not_allowed' })
    const own = { allowedAddresses: ['127.0.0.0/8'] }
    const local = createApi(service.origin, (await aKey(service.api, own)).secret)
    expect((await local('GET', '/v1/tenant', undefined, from('203.0.113.9'))).status).toBe(200)
  })
})

describe('the thief of a key with every scope', () => {
  type Ids = Readonly<Record<string, string>>

  /** Every documented route of the server API with these ids in it. */
  function serverRoutes(ids: Ids): [method: string, path: string][] {
    const { paths } = openApiFile as { paths: Record<string, Record<string, unknown>> }
    return Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method): [string, string] => [
        method.toUpperCase(),
        path.replace(/\/([^/]+)\/\{\w+\}/g, (_, noun: string) => `/${noun}/${ids[noun] ?? noun}`),
      ]),
    )
  }

  test('approves nothing and reads no number, by any route', async () => {
    await using service = await startTestService()
    const { api } = service
    const phone = await enrollPhone(service)
    const { json: challenge } = await api('POST', '/v1/challenges', { user: 'alice' })
    const ids = {
      challenges: challenge.id,
      users: phone.userId,
      devices: phone.deviceId,
      t: service.tenantId,
    }
    const routes = serverRoutes(ids)
    expect(routes.length).toBeGreaterThan(30)
    // These end the challenge or the device, as they should; none of them approves.
    const ending = /\/(cancel|unregister|revoke)$/
    const answers: Reply[] = []
    for (const [method, path] of routes.filter(([, path]) => !ending.test(path))) {
      if (path.endsWith('/events') || path.startsWith('/docs')) continue
      const claims = { status: 'approved', decision: 'approve', answer: 'a.b.c' }
      const body = method === 'GET' || method === 'DELETE' ? undefined : claims
      answers.push(await api(method as 'GET', path, body))
    }
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(10)
    const after = await api('GET', `/v1/challenges/${challenge.id}`)
    expect(after.json).toMatchObject({ status: 'pending', result: null })
    const number = new RegExp(`(?<![0-9])${challenge.number}(?![0-9])`)
    expect([...answers, after].filter(({ text }) => number.test(text))).toEqual([])
  })

  test('acts for no device: the whole device API refuses the key', async () => {
    await using service = await startTestService()
    const routes = await serverRoutes({})
    // The key with which browsers subscribe to pushes is public.
    const ofDevices = routes.filter(
      ([, path]) => path.startsWith('/device/v1/') && !path.endsWith('/web-push-key'),
    )
    expect(ofDevices.length).toBeGreaterThan(10)
    for (const [method, path] of ofDevices) {
      const reply = await service.api(method as 'GET', path)
      expect(reply.status, `${method} ${path}`).toBeGreaterThanOrEqual(400)
    }
  })

  test('enrolls no device silently: the owner’s phone shows it, and the result marks the device as new', async () => {
    await using service = await startTestService()
    const owner = await enrollPhone(service)
    const unable = createApi(service.origin, (await aKey(service.api)).secret)
    expect((await unable('POST', '/v1/enrollments', { user: 'alice' })).json).toMatchObject({
      code: 'scope_missing',
    })
    const thief = await enrollPhone(service, { name: 'the other phone' })
    expect(thief.userId).toBe(owner.userId)
    const { items } = (await service.api('GET', `/v1/users/${owner.userId}/activities`)).json
    const addition = items.find((item: { type: string; deviceId: string }) => {
      return item.type === 'device_added' && item.deviceId === thief.deviceId
    })
    expect(addition).toMatchObject({ severity: 'critical', details: { name: 'the other phone' } })
    expect(JSON.stringify(await owner.client.activities())).toContain(addition.id)

    const creation = await service.api('POST', '/v1/challenges', { user: 'alice' })
    const { requests } = await thief.client.pending()
    const request = requests.find(({ challengeId }) => challengeId === creation.json.id)
    if (!request) throw new Error('the new phone is not asked')
    await thief.client.approve(request, creation.json.number)
    const { result } = (await service.api('GET', `/v1/challenges/${creation.json.id}`)).json
    const claims = Buffer.from(result.split('.')[1], 'base64url').toString()
    expect(JSON.parse(claims)).toMatchObject({ decision: 'approved', new_device: true })
  })
})
