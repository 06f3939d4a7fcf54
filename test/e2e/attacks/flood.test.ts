// Unauthenticated clients with made-up codes and keys, and another tenant with wrong passcodes,
// while a tenant's users sign in.

import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createOtherTenant } from '../../support/other-tenant.ts'
import {
  createApi,
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

let service: RunningService
let phone: Phone
/**
 * A connection that locks the rows of unauthenticated calls, so that each call keeps its own
 * connection busy.
 */
let holder: pg.Client

beforeAll(async () => {
  service = await startTestService({ trustProxy: '127.0.0.1' })
  phone = await enrollPhone(service, { user: 'ada' })
  holder = new pg.Client({ connectionString: service.database.url })
  await holder.connect()
})
afterAll(async () => {
  await holder.end()
  await service[Symbol.asyncDispose]()
})

/** A call from another address. */
const from = (address: string, path: string, init: RequestInit = {}) =>
  fetch(`${service.origin}${path}`, {
    ...init,
    headers: { ...init.headers, 'x-forwarded-for': address },
  }).then(async (response) => {
    await response.arrayBuffer()
    return response.status
  })

const post = (body: object) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
  body: JSON.stringify(body),
})
const coordinate = 'A'.repeat(43)
const claim = () =>
  post({
    tenantId: service.tenantId,
    code: crypto.randomUUID().replaceAll('-', '').padEnd(43, 'x'),
    appId: 'com.example.app',
    device: { name: 'P', platform: 'ios', model: 'M', osVersion: '1', appVersion: '1' },
    keys: { possession: { kty: 'EC', crv: 'P-256', x: coordinate, y: coordinate } },
    proofs: { possession: `a.b.${'c'.repeat(86)}` },
  })
const link = () => post({ tenantId: service.tenantId, token: coordinate })

/** How many statements wait for the lock. */
async function heldConnections(): Promise<number> {
  // A transaction sees the connections of its first look.
  await holder.query('select pg_stat_clear_snapshot()')
  const { rows } = await holder.query(
    "select count(*)::int as held from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  )
  return rows[0].held
}

async function signIn(api = service.api): Promise<void> {
  const creation = await api('POST', '/v1/challenges', {
    user: { id: phone.userId },
    number: { mode: 'service' },
  })
  expect(creation.status).toBe(201)
  const request = await until('the phone is asked', async () => {
    const { requests } = await phone.client.pending()
    return requests.find(({ challengeId }) => challengeId === creation.json.id)
  })
  await phone.client.approve(request, creation.json.number)
}

test.each([
  ['made-up enrollment codes', 'enrollments', '/device/v1/enrollments/claim', claim],
  ['made-up links to the portal', 'portal_sessions', '/portal/v1/sessions', link],
] as const)(
  '100 unauthenticated clients with %s use two connections at most, and others sign in meanwhile',
  async (_what, table, path, body) => {
    await holder.query(`begin; lock table ${table} in access exclusive mode`)
    const strangers = Array.from({ length: 100 }, (_, at) => from(`203.${at}.113.7`, path, body()))
    await until(
      'unauthenticated calls wait for the database',
      async () => (await heldConnections()) > 0,
    )
    await signIn()
    expect(await heldConnections()).toBeLessThanOrEqual(2)
    await holder.query('rollback')
    // After the lock is released they are answered; calls that waited too long got a timeout.
    for (const status of await Promise.all(strangers))
      expect([404, 410, 429, 503]).toContain(status)
  },
)

test('wrong passcodes for 10 users of one tenant use two connections at most, and others sign in meanwhile', async () => {
  const { key } = await createOtherTenant(service)
  const otherApi = createApi(service.origin, key)
  const enrollments = await Promise.all(
    Array.from({ length: 10 }, (_, at) =>
      otherApi('POST', '/v1/enrollments', { user: `u${at}`, displayName: 'U' }),
    ),
  )
  await holder.query('begin; lock table passcode_budgets in access exclusive mode')
  const attempts = enrollments.map(({ json }) =>
    otherApi('POST', `/v1/users/${json.userId}/passcodes/verify`, { code: '123456' }),
  )
  await until('passcodes wait for the database', async () => (await heldConnections()) > 0)
  await signIn()
  expect(await heldConnections()).toBeLessThanOrEqual(2)
  await holder.query('rollback')
  for (const { status } of await Promise.all(attempts)) expect([422, 429, 503]).toContain(status)
})

test('where one tenant occupies all connections that it may, another signs in with a key that was never used before', async () => {
  const { key } = await createOtherTenant(service)
  const { items } = (await service.api('GET', '/v1/relying-parties')).json
  const newKey = { relyingPartyId: items[0].id, name: 'new', scopes: ['challenges:write'] }
  const { json: apiKey } = await service.api('POST', '/v1/api-keys', newKey)
  const otherApi = createApi(service.origin, key)
  await holder.query('begin; lock table integrations in access exclusive mode')
  const lists = Array.from({ length: 20 }, () => otherApi('GET', '/v1/integrations'))
  await until('it has its share', async () => (await heldConnections()) === 3)
  await signIn(createApi(service.origin, apiKey.secret))
  expect(await heldConnections()).toBe(3)
  await holder.query('rollback')
  await Promise.all(lists)
})
