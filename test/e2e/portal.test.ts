// The portal over HTTP, with a browser's headers.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { onServer } from '../support/cluster.ts'
import {
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../support/running-service.ts'

let service: RunningService
let phone: Phone

beforeAll(async () => {
  service = await startTestService()
  phone = await enrollPhone(service)
})
afterAll(() => service[Symbol.asyncDispose]())

const ours = { 'sec-fetch-site': 'same-origin' }

async function call(method: string, path: string, headers: Record<string, string>, body?: unknown) {
  const response = await fetch(`${service.origin}/portal/v1${path}`, {
    method,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, json: text && JSON.parse(text) }
}

/** A fresh link, taken apart as its page does. */
async function mint(userId = phone.userId) {
  const session = await service.api('POST', `/v1/users/${userId}/portal-sessions`)
  expect(session.status).toBe(201)
  const url = new URL(session.json.url)
  const [, , tenantId, , token] = url.pathname.split('/')
  return { ...session.json, url, link: { tenantId, token } }
}

const open = (link: unknown) => call('POST', '/sessions', ours, link)

/** A signed-in browser: its headers. */
async function browser(userId?: string) {
  const openReply = await open((await mint(userId)).link)
  expect(openReply.status).toBe(201)
  const cookie = openReply.headers.get('set-cookie')?.split(';')[0] ?? ''
  return { ...ours, cookie }
}

describe('a link', () => {
  test('is a path that works without script, and is not used up by a GET', async () => {
    const { url, link } = await mint()
    expect(url.pathname).toBe(`/t/${service.tenantId}/me/${link.token}`)
    expect([url.search, url.hash]).toEqual(['', ''])
    expect(link.token).toMatch(/^[A-Za-z0-9_-]{43}$/)
    for (const method of ['GET', 'HEAD']) expect((await fetch(url, { method })).status).toBe(200)
    await call('GET', '/sessions', ours)
    expect((await open(link)).status).toBe(201)
  })

  test('works once, also at 50 concurrent openings', async () => {
    const { link } = await mint()
    const attempts = await Promise.all(Array.from({ length: 50 }, () => open(link)))
    expect(attempts.filter(({ status }) => status === 201)).toHaveLength(1)
    for (const { status, json } of attempts) {
      if (status !== 201) expect([status, json.code]).toEqual([404, 'portal_link_invalid'])
    }
  })

  test('is invalid when expired, under another tenant, or made up, with the same response', async () => {
    const { id, link } = await mint()
    await onServer(service.database.url, (client) =>
      client.query(
        `update portal_sessions set link_expires_at = clock_timestamp() where id = '${id}'`,
      ),
    )
    const other = (await mint()).link
    const foreign = { ...other, tenantId: 'tnt_01jv9z3k8we2tvn4qh6yrx7b5c' }
    const madeUp = { ...other, token: 'A'.repeat(43) }
    const refusals = await Promise.all([link, foreign, madeUp].map(open))
    for (const { status, json } of refusals) {
      expect([status, json]).toEqual([404, refusals[0]?.json])
    }
  })

  test('is created only for visible users of the relying party, by keys that may unregister devices', async () => {
    const { api } = service
    const stranger = '/v1/users/usr_01jv9z3k8we2tvn4qh6yrx7b5c/portal-sessions'
    expect((await api('POST', stranger)).status).toBe(404)
  })
})

describe('the session', () => {
  test('is a cookie for this host only, which no script reads and no other site sends', async () => {
    const openReply = await open((await mint()).link)
    const attributes = openReply.headers.get('set-cookie')?.split('; ') ?? []
    expect(attributes[0]).toMatch(/^countersign-portal=tnt_\w+\.[A-Za-z0-9_-]{43}$/)
    expect(attributes.slice(1).toSorted()).toEqual([
      'HttpOnly',
      'Max-Age=900',
      'Path=/',
      'SameSite=Strict',
    ])
  })

  test('shows the user, their devices and what happened, and nothing of others', async () => {
    const headers = await browser()
    const bob = await enrollPhone(service, { user: 'bob' })
    expect((await call('GET', '/me', headers)).json).toMatchObject({
      user: { id: phone.userId, displayName: 'alice' },
      tenant: { id: service.tenantId },
    })
    const { items } = (await call('GET', '/devices', headers)).json
    expect(items.map(({ id }: { id: string }) => id)).toEqual([phone.deviceId])
    const { items: activities } = (await call('GET', '/activities?limit=100', headers)).json
    expect(activities[0]).toMatchObject({ type: 'portal_opened' })
    expect(activities[0].actor).toMatch(/^portal:pts_/)
    expect(JSON.stringify(activities)).not.toContain(bob.userId)
    const reason = { reason: 'lost' }
    const theirs = await call('POST', `/devices/${bob.deviceId}/unregister`, headers, reason)
    const nobodys = await call(
      'POST',
      '/devices/dev_01jv9z3k8we2tvn4qh6yrx7b5c/unregister',
      headers,
      reason,
    )
    expect([theirs.status, theirs.json]).toEqual([404, nobodys.json])
    expect(await bob.client.self()).toMatchObject({ status: 'active' })
  })

  test('unregisters a lost phone immediately, which is refused from then on', async () => {
    const lostPhone = await enrollPhone(service, { user: 'carol' })
    const headers = await browser(lostPhone.userId)
    const path = `/devices/${lostPhone.deviceId}/unregister`
    const removal = await call('POST', path, headers, { reason: 'stolen' })
    expect(removal.json).toMatchObject({ status: 'unregistered', unregisterReason: 'stolen' })
    await expect(lostPhone.client.self()).rejects.toMatchObject({ code: 'device_unregistered' })
    expect((await call('GET', '/devices', headers)).json).toEqual({ items: [] })
    const { json } = await service.api('GET', `/v1/users/${lostPhone.userId}/activities`)
    const types = json.items.map(({ type }: { type: string }) => type)
    expect(types).toContain('revoked_device_used')
  })

  test('ends when the person signs out, and when its time is over', async () => {
    const headers = await browser()
    const out = await call('DELETE', '/sessions', headers)
    expect([out.status, out.headers.get('set-cookie')]).toEqual([204, expect.stringMatching(/=;/)])
    const refusal = await call('GET', '/me', headers)
    expect([refusal.status, refusal.json.code]).toEqual([401, 'portal_session_invalid'])
    const late = await browser()
    await onServer(service.database.url, (client) =>
      client.query('update portal_sessions set expires_at = clock_timestamp()'),
    )
    expect((await call('GET', '/devices', late)).status).toBe(401)
  })

  test.each([
    ['none', {}],
    ['an empty one', { cookie: 'countersign-portal=' }],
    ['one without a tenant', { cookie: `countersign-portal=${'A'.repeat(43)}` }],
    [
      'one of no user',
      { cookie: `countersign-portal=tnt_01jv9z3k8we2tvn4qh6yrx7b5c.${'A'.repeat(43)}` },
    ],
  ])('is not granted by %s', async (_, headers) => {
    const { status, json } = await call('GET', '/me', { ...ours, ...headers })
    expect([status, json.code]).toEqual([401, 'portal_session_invalid'])
  })

  test('is not the cookie with the link’s own secret, nor an API key', async () => {
    const { link } = await mint()
    await open(link)
    const cookie = `countersign-portal=${link.tenantId}.${link.token}`
    expect((await call('GET', '/me', { ...ours, cookie })).status).toBe(401)
    const authorization = `Bearer ${service.key}`
    expect((await call('GET', '/me', { ...ours, authorization })).status).toBe(401)
  })
})

describe('a report from the portal', () => {
  const report = (id: string, headers: Record<string, string>) =>
    call('POST', `/activities/${id}/report`, headers)

  /** The newest activity of this type that the portal shows. */
  async function activityIdOf(headers: Record<string, string>, type: string): Promise<string> {
    const { items } = (await call('GET', '/activities?limit=100', headers)).json
    const activity = items.find((one: { type: string }) => one.type === type)
    if (!activity) throw new Error(`the portal shows no ${type}`)
    return activity.id
  }

  /** A challenge from a browser unknown to the user; the user sees it in the portal. */
  async function askInitiator(user: string) {
    const { userId } = await enrollPhone(service, { user })
    const question = { user: { id: userId }, initiator: { browserId: `thief-of-${user}` } }
    const creation = await service.api('POST', '/v1/challenges', question)
    expect(creation.status).toBe(201)
    const headers = await browser(userId)
    const activityId = await activityIdOf(headers, 'challenge_created')
    return {
      userId,
      question,
      challengeId: creation.json.challenge?.id ?? creation.json.id,
      headers,
      activityId,
    }
  }

  const openReportsOf = async (userId: string) => {
    const { items } = (await service.api('GET', '/v1/reports?status=open&limit=100')).json
    return items.filter((one: { userId: string }) => one.userId === userId)
  }

  test('blocks the initiator, ends the challenge, locks pushes, and is listed for admins without a device', async () => {
    const { userId, question, challengeId, headers, activityId } = await askInitiator('dave')
    const { status, json } = await report(activityId, headers)
    expect([status, json]).toEqual([201, { reportId: expect.stringMatching(/^rpt_/) }])
    const { api } = service
    expect((await api('GET', `/v1/challenges/${challengeId}`)).json).toMatchObject({
      status: 'cancelled',
    })
    expect((await api('GET', `/v1/users/${userId}/protection`)).json).toMatchObject({
      reportedUntil: expect.any(String),
    })
    expect((await api('POST', '/v1/challenges', question)).json.code).toBe('initiator_blocked')
    expect(await openReportsOf(userId)).toEqual([
      expect.objectContaining({ id: json.reportId, deviceId: null, activityId, challengeId }),
    ])
    const activities = (await call('GET', '/activities?limit=100', headers)).json.items
    expect(activities.map(({ type }: { type: string }) => type)).toEqual(
      expect.arrayContaining(['activity_reported', 'push_locked', 'challenge_cancelled']),
    )
  })

  test('of the same activity again, also concurrently, is the existing report', async () => {
    const { userId, headers, activityId } = await askInitiator('erin')
    const reports = await Promise.all(Array.from({ length: 5 }, () => report(activityId, headers)))
    const again = await report(activityId, headers)
    expect(again.status).toBe(201)
    for (const { status, json } of reports) {
      if (status === 201) expect(json).toEqual(again.json)
      else expect(json.code).toBe('conflict')
    }
    expect(await openReportsOf(userId)).toHaveLength(1)
  })

  test('of another user’s activity is refused like one of an unknown activity', async () => {
    const { userId, headers, activityId } = await askInitiator('frank')
    const nosy = await browser()
    const theirs = await report(activityId, nosy)
    const nobodys = await report('act_01jv9z3k8we2tvn4qh6yrx7b5c', nosy)
    expect([theirs.status, theirs.json]).toEqual([404, nobodys.json])
    expect(await openReportsOf(userId)).toEqual([])
    expect((await report(activityId, headers)).status).toBe(201)
  })

  test('must come from a page of the service, although the cookie is sent', async () => {
    const { userId, headers, activityId } = await askInitiator('grace')
    const { cookie } = headers
    for (const site of [{}, { 'sec-fetch-site': 'cross-site' }, { origin: 'null' }]) {
      const { status, json } = await report(activityId, { cookie, ...site })
      expect([status, json.code]).toEqual([403, 'origin_not_allowed'])
    }
    expect((await report(activityId, ours)).status).toBe(401)
    expect(await openReportsOf(userId)).toEqual([])
  })
})

describe('another site', () => {
  const foreign = [
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a page of a sibling host', { 'sec-fetch-site': 'same-site' }],
    ['a typed address', { 'sec-fetch-site': 'none' }],
    ['an old browser on another site', { origin: 'https://evil.example' }],
    ['a page without an origin', { origin: 'null' }],
    ['nothing at all', {}],
  ] as const

  test.each(foreign)('changes nothing from %s, although the cookie is sent', async (_, site) => {
    const { cookie } = await browser()
    const path = `/devices/${phone.deviceId}/unregister`
    const { status, json } = await call('POST', path, { cookie, ...site }, { reason: 'lost' })
    expect([status, json.code]).toEqual([403, 'origin_not_allowed'])
    expect(await phone.client.self()).toMatchObject({ status: 'active' })
  })

  test.each(foreign)('opens no link for the user from %s', async (_, site) => {
    const { link } = await mint()
    expect((await call('POST', '/sessions', site, link)).status).toBe(403)
    expect((await open(link)).status).toBe(201)
  })

  test('is distinguished from an old browser on the service’s own page', async () => {
    const { link } = await mint()
    expect((await call('POST', '/sessions', { origin: service.origin }, link)).status).toBe(201)
  })
})
