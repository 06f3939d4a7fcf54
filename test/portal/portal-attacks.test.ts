// What a thief of a session, another user, another relying party and another site cannot do in the
// portal, over HTTP.

import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { onServer } from '../support/cluster.ts'
import type { RunningService } from '../support/running-service.ts'
import { createApi, enrollPhone, startTestService } from '../support/running-service.ts'
import { cookieFor } from './portal-visit.ts'

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

const browser = { accept: 'text/html', 'sec-fetch-site': 'same-origin' }

/** A browser with this cookie: forms as pages send them, and the API. */
function browserWith(cookie: string) {
  const send = async (path: string, init: RequestInit, headers: Record<string, string>) => {
    const answer = await fetch(service.origin + path, {
      ...init,
      redirect: 'manual',
      headers: { cookie, ...headers },
    })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  }
  return {
    read: (path: string) => send(path, {}, browser),
    post: (path: string, fields: Record<string, string> = {}, headers = browser) =>
      send(path, { method: 'POST', body: new URLSearchParams(fields) }, headers),
    call: async (method: string, path: string, body?: unknown) => {
      const json = body === undefined ? {} : { 'content-type': 'application/json' }
      const init = { method, ...(body !== undefined && { body: JSON.stringify(body) }) }
      const headers = { 'sec-fetch-site': 'same-origin', ...json }
      const { status, text } = await send(`/portal/v1${path}`, init, headers)
      return { status, json: text === '' ? null : JSON.parse(text) }
    },
  }
}
type Seat = ReturnType<typeof browserWith>

const sit = async (userId: string) => browserWith(await cookieFor(service, userId))

/** Moves the opening of the user's sessions into the past. */
const wait = (userId: string, minutes: number) =>
  onServer(service.database.url, (client) =>
    client.query(
      `update portal_sessions set opened_at = opened_at - interval '${minutes} minutes',
         verified_at = verified_at - interval '${minutes} minutes'
       where user_id = '${userId}'`,
    ),
  )

/** What takes more than a session: each must be refused to a thief of one. */
const guardedCalls: readonly (readonly [string, (seat: Seat) => Promise<{ status: number }>])[] = [
  ['add a phone', (seat) => seat.call('POST', '/enrollments', {})],
  ['make recovery codes', (seat) => seat.call('POST', '/recovery-codes', { insteadOf: null })],
  ['read all data', (seat) => seat.call('GET', '/export')],
  [
    'silence notifications',
    (seat) => seat.call('PUT', '/notification-preferences', { security: 'in_app' }),
  ],
  [
    'pause pushes',
    (seat) =>
      seat.call('PUT', '/push-pause', { until: new Date(Date.now() + 3_600_000).toISOString() }),
  ],
  ['add a phone from its page', (seat) => seat.post('/me/phones', { replaces: 'none' })],
  ['make recovery codes from their page', (seat) => seat.post('/me/codes', { insteadOf: '' })],
  ['read all data from its page', (seat) => seat.post('/me/data/export')],
  ['silence notifications from their page', (seat) => seat.post('/me/notifications', {})],
  ['pause pushes from their page', (seat) => seat.post('/me/pause', { hours: '24' })],
]

describe('with a stolen session of six minutes ago, a thief', () => {
  let userId: string
  beforeAll(async () => {
    ;({ userId } = await enrollPhone(service, { user: 'theft' }))
  })

  test.each(guardedCalls)('cannot %s', async (_, act) => {
    const seat = await sit(userId)
    await wait(userId, 6)
    const before = await activityTypes(userId)
    expect((await act(seat)).status).toBe(403)
    expect(await activityTypes(userId)).toEqual(before)
  })

  test('is shown a form for a code where something is guarded', async () => {
    const seat = await sit(userId)
    await wait(userId, 6)
    for (const place of ['phones', 'codes', 'data', 'notifications']) {
      const { text } = await seat.read(`/me/${place}`)
      expect(text).toContain('action="/me/verify"')
      expect(text).not.toContain(`action="/me/${place}"`)
    }
  })

  test('guesses codes until they are locked, and locks none that a sign-in takes', async () => {
    const seat = await sit(userId)
    const path = `/v1/users/${userId}`
    const { json } = await service.api('POST', `${path}/recovery-codes`, {})
    const statuses: number[] = []
    for (let guess = 0; guess < 12; guess++) {
      const answer = await seat.post('/me/verify', { next: 'codes', code: `10000${guess}` })
      statuses.push(answer.status)
    }
    expect(statuses[0]).toBe(422)
    expect(statuses.at(-1)).toBe(429)
    const use = { code: json.codes[0] }
    expect((await service.api('POST', `${path}/passcodes/verify`, use)).status).toBe(200)
  })
})

async function activityTypes(userId: string): Promise<string[]> {
  const { json } = await service.api('GET', `/v1/users/${userId}/activities`)
  return json.items.map(({ type }: { readonly type: string }) => type)
}

describe('a second factor', () => {
  test('opens for five minutes what a stale link does not, and a code works once', async () => {
    const { userId } = await enrollPhone(service, { user: 'second' })
    const { json } = await service.api('POST', `/v1/users/${userId}/temporary-codes`, {})
    const seat = await sit(userId)
    await wait(userId, 6)
    const fields = { next: 'phones', code: json.code.toLowerCase() }
    const wrong = await seat.post('/me/verify', { ...fields, code: '7K3Q-M9TX-2R8B-0VWD' })
    expect(wrong.text).toContain('role="alert"')
    const { status, headers } = await seat.post('/me/verify', fields)
    expect([status, headers.get('location')]).toEqual([303, '/me/phones'])
    expect((await seat.post('/me/verify', fields)).status).toBe(422)
    expect((await seat.call('POST', '/enrollments', {})).status).toBe(201)
    await wait(userId, 6)
    expect((await seat.call('POST', '/enrollments', {})).status).toBe(403)
  })

  test('is needed at once where the key of the link may not do the same itself', async () => {
    const { userId } = await enrollPhone(service, { user: 'scopes' })
    const { json: parties } = await service.api('GET', '/v1/relying-parties')
    const narrow = await service.api('POST', '/v1/api-keys', {
      relyingPartyId: parties.items[0].id,
      name: 'narrow',
      scopes: ['devices:write', 'users:read'],
    })
    const api = createApi(service.origin, narrow.json.secret)
    const seat = browserWith(await cookieFor({ ...service, api }, userId))
    for (const [, act] of guardedCalls) expect((await act(seat)).status).toBe(403)
    expect((await seat.call('GET', '/devices')).status).toBe(200)
  })
})

describe('the session', () => {
  test('ends while a page waits for a phone: the wait is refused', async () => {
    const { userId } = await enrollPhone(service, { user: 'waits' })
    const seat = await sit(userId)
    const { json } = await seat.call('POST', '/enrollments', {})
    const waiting = seat.call('GET', `/enrollments/${json.id}?wait=20&after=open`)
    expect((await seat.call('DELETE', '/sessions')).status).toBe(204)
    expect((await waiting).json.code).toBe('portal_session_invalid')
  })

  test('and what it opened end when the user is suspended or erased', async () => {
    for (const end of [
      (id: string) => service.api('PATCH', `/v1/users/${id}`, { status: 'suspended' }),
      (id: string) => service.api('POST', `/v1/users/${id}/erase`),
    ]) {
      const { userId } = await enrollPhone(service, { user: 'ended' })
      const seat = await sit(userId)
      await end(userId)
      expect((await seat.read('/me')).status).toBe(401)
      for (const [, act] of guardedCalls) expect((await act(seat)).status).toBe(401)
      await service.api('PATCH', `/v1/users/${userId}`, { status: 'active' })
      expect((await seat.read('/me')).status).toBe(401)
    }
  })

  test('reads no enrollment of another session of the same user, nor one of the relying party', async () => {
    const { userId } = await enrollPhone(service, { user: 'owner' })
    const [mine, other] = [await sit(userId), await sit(userId)]
    const { json: own } = await mine.call('POST', '/enrollments', {})
    const { json: theirs } = await service.api('POST', `/v1/users/${userId}/enrollments`, {})
    expect((await mine.call('GET', `/enrollments/${own.id}`)).status).toBe(200)
    expect((await other.call('GET', `/enrollments/${own.id}`)).status).toBe(404)
    expect((await other.call('POST', `/enrollments/${own.id}/cancel`)).status).toBe(404)
    expect((await mine.call('GET', `/enrollments/${theirs.id}`)).status).toBe(404)
    expect((await other.read(`/me/phones/${own.id}`)).status).toBe(404)
  })

  test('shows no sign-in that another relying party asked about', async () => {
    const { userId } = await enrollPhone(service, { user: 'two' })
    const newParty = { name: 'Other Bank', namespaces: ['default'] }
    const { json: party } = await service.api('POST', '/v1/relying-parties', newParty)
    const newKey = { relyingPartyId: party.id, name: 'other', scopes: ['admin'] }
    const { json: key } = await service.api('POST', '/v1/api-keys', newKey)
    const api = createApi(service.origin, key.secret)
    const context = { application: 'Secret application' }
    const challenge = await api('POST', '/v1/challenges', { user: 'two', context })
    expect(challenge.status).toBe(201)
    const seat = await sit(userId)
    expect((await seat.call('GET', '/challenges')).json.items).toEqual([])
    for (const place of ['', '/sign-ins', '/activities']) {
      expect((await seat.read(`/me${place}`)).text).not.toContain('Secret application')
    }
    const { id } = challenge.json
    expect((await seat.read(`/me/sign-ins/${id}`)).status).toBe(404)
    expect((await seat.post(`/me/sign-ins/${id}`)).status).toBe(404)
    expect((await seat.call('POST', `/challenges/${id}/report`)).status).toBe(404)
  })
})

describe('another site', () => {
  test('sends no form, whatever it says of itself', async () => {
    const { userId, deviceId, client } = await enrollPhone(service, { user: 'forged' })
    const cookie = await cookieFor(service, userId)
    const before = await activityTypes(userId)
    const forms: readonly [string, Record<string, string>][] = [
      [`/me/devices/${deviceId}`, { reason: 'lost' }],
      [`/me/devices/${deviceId}/name`, { name: 'theirs' }],
      [`/me/devices/${deviceId}/suspend`, {}],
      ['/me/codes', { insteadOf: '' }],
      ['/me/phones', { replaces: 'none' }],
      ['/me/data/erasure', {}],
      ['/me/data/export', {}],
      ['/me/pause', { hours: '1' }],
      ['/me/sign-out', {}],
    ]
    for (const site of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      {},
    ]) {
      for (const [path, fields] of forms) {
        const headers = { accept: 'text/html', ...site } as unknown as typeof browser
        expect((await browserWith(cookie).post(path, fields, headers)).status).toBe(403)
      }
    }
    expect(await activityTypes(userId)).toEqual(before)
    expect(await client.self()).toMatchObject({ status: 'active' })
  })

  test('frames no page, and only new codes and a page that waits run a script, by its hash', async () => {
    const { userId, deviceId } = await enrollPhone(service, { user: 'framed' })
    const seat = await sit(userId)
    const { json } = await seat.call('POST', '/enrollments', {})
    const places = ['', '/phones', '/sign-ins', '/activities', '/notifications', '/codes', '/data']
    const more = ['/reported', `/devices/${deviceId}/settings`]
    for (const place of [...places, ...more]) {
      const { headers, text } = await seat.read(`/me${place}`)
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none';/)
      expect(policy).toContain("frame-ancestors 'none'")
      expect(headers.get('cache-control')).toBe('no-store')
      expect(text).not.toMatch(/<script|\bon\w+=|style="/i)
    }
    const codes = await seat.post('/me/codes', { insteadOf: '' })
    const phone = await seat.read(`/me/phones/${json.id}`)
    const policy = phone.headers.get('content-security-policy')
    expect(policy).toMatch(/script-src 'sha256-[^']+'; connect-src 'self';.*frame-ancestors 'none'/)
    expect(codes.headers.get('content-security-policy')).toMatch(/script-src 'sha256-[^']+';/)
    expect(codes.headers.get('cache-control')).toBe('no-store')
    for (const { text } of [codes, phone]) {
      const [, script = ''] = /<script>(.*?)<\/script>/s.exec(text) ?? []
      expect([script.length > 0, script.length < 1000]).toEqual([true, true])
    }
  })
})

describe('a text of others', () => {
  const markup = `"><img src=x onerror=alert(1)>'&amp;<script>alert(2)</script>`

  test('is text on every page, by any author, and 20 long fields are', async () => {
    const { userId, deviceId } = await enrollPhone(service, { user: markup, name: markup })
    const fields = Array.from({ length: 20 }, () => ({
      label: markup.slice(0, 64),
      value: markup.repeat(3),
    }))
    const context = { application: markup.slice(0, 64), action: markup, location: markup, fields }
    const challenge = await service.api('POST', '/v1/challenges', { user: { id: userId }, context })
    expect(challenge.status).toBe(201)
    const post = {
      type: 'x',
      severity: 'info',
      title: markup.slice(0, 64),
      message: markup,
      fields,
    }
    const posted = await service.api('POST', `/v1/users/${userId}/activities`, post)
    expect(posted.status).toBe(201)
    const seat = await sit(userId)
    const paths = [
      '',
      '/sign-ins',
      `/sign-ins/${challenge.json.id}`,
      '/activities',
      `/activities/${posted.json.id}`,
      '/phones',
      `/devices/${deviceId}`,
      `/devices/${deviceId}/settings`,
    ]
    for (const path of paths) {
      const { status, text } = await seat.read(`/me${path}`)
      expect([path, status]).toEqual([path, 200])
      expect(text).not.toMatch(/<img|<script/)
      expect(text).toContain('&lt;img src=x')
    }
  })

  test('that reorders what is read is refused as the new name of a device', async () => {
    const { userId, deviceId, client } = await enrollPhone(service, { user: 'bidi' })
    const seat = await sit(userId)
    for (const name of ['\u202Egnp.exe', 'a\u0000b', '', ' ', 'x'.repeat(65)]) {
      expect((await seat.post(`/me/devices/${deviceId}/name`, { name })).status).toBe(400)
    }
    expect(await client.self()).toMatchObject({ name: 'phone of bidi' })
  })
})

describe('pressed twice', () => {
  test('a button makes one set of codes, and the second press says so', async () => {
    const { userId } = await enrollPhone(service, { user: 'twice' })
    const seat = await sit(userId)
    const presses = Array.from({ length: 5 }, () => seat.post('/me/codes', { insteadOf: '' }))
    const answers = await Promise.all(presses)
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409, 409, 409])
    const first = answers.find(({ status }) => status === 200)
    const [code = ''] = first?.text.match(/[0-9A-Z]{4}(-[0-9A-Z]{4}){3}/) ?? []
    const path = `/v1/users/${userId}/passcodes/verify`
    expect((await service.api('POST', path, { code })).status).toBe(200)
  })

  test('suspending, unregistering and asking for erasure are done once', async () => {
    const { userId, deviceId } = await enrollPhone(service, { user: 'again' })
    const seat = await sit(userId)
    for (const [path, fields] of [
      [`/me/devices/${deviceId}/suspend`, {}],
      [`/me/devices/${deviceId}`, { reason: 'lost' }],
      ['/me/data/erasure', {}],
    ] as const) {
      const answers = await Promise.all([seat.post(path, fields), seat.post(path, fields)])
      for (const { status } of answers) expect([200, 303]).toContain(status)
    }
    const types = await activityTypes(userId)
    for (const type of ['device_suspended', 'device_unregistered', 'erasure_requested']) {
      expect(types.filter((one) => one === type)).toEqual([type])
    }
  })
})

test('every page of an ordinary user is at most 10 kB, compressed', async () => {
  const { userId, deviceId } = await enrollPhone(service, { user: 'small' })
  await enrollPhone(service, { user: 'small' })
  const context = { application: 'Payroll', location: 'Zurich', userAgent: 'Firefox on Windows' }
  for (let at = 0; at < 3; at++)
    await service.api('POST', '/v1/challenges', { user: 'small', context })
  const seat = await sit(userId)
  const firstPage = await seat.post('/me/phones', { replaces: 'none' })
  const places = ['', '/phones', '/sign-ins', '/activities', '/notifications', '/codes', '/data']
  const pages = [firstPage]
  for (const place of [...places, `/devices/${deviceId}`, `/devices/${deviceId}/settings`]) {
    pages.push(await seat.read(`/me${place}`))
  }
  for (const { text } of pages) {
    expect(text).toContain('<h1>')
    expect(gzipSync(text).length).toBeLessThanOrEqual(10_000)
  }
})
