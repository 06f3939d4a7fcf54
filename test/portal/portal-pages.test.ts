// The portal's pages over HTTP: who may send what to them, and what nobody learns from them.

import { Writable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import { refuse } from '../../src/domain/refusal.ts'
import { loggerOptions, type Observation } from '../../src/platform/http/logging.ts'
import type { AppOptions } from '../../src/service/app-options.ts'
import type { UseCases } from '../../src/service/bind-use-cases.ts'
import { aDevice, anApp, anId, portalSession, publicOrigin } from '../platform/http/fixtures.ts'
import { until } from '../support/until.ts'

const secret = 'CANARY'.padEnd(43, 'A')
const link = `/t/${anId('tenant')}/me/${secret}`
const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
const ours = { ...browser, 'sec-fetch-site': 'same-origin' }
const cookie = `__Host-countersign-portal=${anId('tenant')}.${'A'.repeat(43)}`
const signedIn = { ...ours, cookie }
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const device = `/me/devices/${anId('device')}`

const session: Partial<UseCases> = {
  authenticatePortal: async (value) =>
    value === undefined ? refuse('portal_session_invalid') : portalSession,
  readPortalDevice: async () => aDevice(),
  listPortalDevices: async () => [aDevice()],
  listPortalChallenges: async () => [],
}

async function appWith(useCases: Partial<UseCases> = {}, more: Partial<AppOptions> = {}) {
  const app: FastifyInstance = await anApp({ ...session, ...useCases }, more)
  onTestFinished(() => app.close())
  return app
}

describe('a link to the portal', () => {
  test('may be read by scanners, previews and prefetches: no use case is called', async () => {
    const app = await appWith()
    for (const method of ['GET', 'HEAD'] as const) {
      for (const headers of [
        {},
        browser,
        { ...browser, purpose: 'prefetch', 'sec-fetch-site': 'cross-site' },
      ]) {
        const { statusCode, headers: responseHeaders } = await app.inject({
          method,
          url: link,
          headers,
        })
        expect([statusCode, responseHeaders['content-type']]).toEqual([
          200,
          'text/html; charset=utf-8',
        ])
      }
    }
  })

  test('shows every reader the same page, which does not contain its secret', async () => {
    const app = await appWith()
    const [withSession, other] = await Promise.all(
      [link, `/t/${anId('tenant', '1')}/me/${'B'.repeat(43)}`].map((url) => app.inject(url)),
    )
    expect(withSession?.body).toBe(other?.body)
    expect(withSession?.body).not.toContain(secret)
  })

  test('is opened by a press on its page: a cookie, then an address without secret', async () => {
    const app = await appWith({
      openPortal: async (command) => {
        expect(command).toEqual({ tenantId: anId('tenant'), token: secret })
        return { session: portalSession, cookie: 'value' }
      },
    })
    const { statusCode, headers } = await app.inject({
      method: 'POST',
      url: `${link}?utm_source=mail`,
      headers: { ...ours, ...form },
      payload: '',
    })
    expect([statusCode, headers.location]).toEqual([303, '/me'])
    expect(headers['set-cookie']).toMatch(/^__Host-countersign-portal=value; .*SameSite=Strict/)
  })

  test.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling host', { 'sec-fetch-site': 'same-site' }],
    ['no page', { 'sec-fetch-site': 'none' }],
    ['an old browser that withholds its origin', { origin: 'null' }],
    ['an old browser on another site', { origin: 'https://evil.example' }],
    ['a program', {}],
  ])('is not opened from %s: a page says so, and the link stays good', async (_, site) => {
    const app = await appWith()
    const answer = await app.inject({ method: 'POST', url: link, headers: { ...browser, ...site } })
    expect(answer.statusCode).toBe(403)
    expect(answer.body).toContain('<h1>This did not come from our page</h1>')
  })

  test('gets one page, equal to the byte, if used, expired, revoked or unknown', async () => {
    const app = await appWith({ openPortal: async () => refuse('portal_link_invalid') })
    const urls = [link, `/t/${anId('tenant')}/me/x`, `/t/${anId('tenant', '1')}/me/${secret}`]
    const answers = await Promise.all(
      urls.map((url) => app.inject({ method: 'POST', url, headers: ours })),
    )
    const former = [`/t/${anId('tenant')}/portal`, `/t/${anId('tenant')}/me`]
    answers.push(...(await Promise.all(former.map((url) => app.inject({ url, headers: browser })))))
    for (const { statusCode, body } of answers) {
      expect([statusCode, body]).toEqual([404, answers[0]?.body])
    }
    expect(answers[0]?.body).toContain('Ask for a new link')
  })
})

describe('every page', () => {
  const pages = [
    ['a link', { url: link, headers: browser }],
    ['the devices', { url: '/me', headers: signedIn }],
    ['a device', { url: device, headers: signedIn }],
    ['a refusal', { url: '/me', headers: browser }],
    ['nothing', { url: '/nowhere', headers: browser }],
    ['the beginning', { url: '/', headers: browser }],
    ['the address of a QR code', { url: `/t/${anId('tenant')}/enroll`, headers: browser }],
  ] as const

  test.each(pages)(
    '%s runs no script, loads nothing, is in no frame, no cache and no referrer',
    async (_, request) => {
      const app = await appWith()
      const { headers, body } = await app.inject(request)
      const policy = String(headers['content-security-policy'])
      expect(policy).toMatch(
        /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; form-action '(?:none|self)'; frame-ancestors 'none'$/,
      )
      expect(headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'cross-origin-opener-policy': 'same-origin',
      })
      expect(policy.includes("form-action 'self'")).toBe(body.includes('<form'))
      expect(body).not.toMatch(/<script|\bon\w+=|javascript:|\bsrc=|style="/i)
      expect(body).toMatch(/^<!doctype html>\n<html lang="en" dir="ltr">/)
      expect(body.match(/<h1>/g)).toHaveLength(1)
    },
  )

  test('every page escapes user input, in texts and in attributes', async () => {
    const hostile = `'"><img src=x onerror=alert(1)>&amp;`
    const hostileDevice = aDevice({ name: hostile, model: hostile })
    const app = await appWith({
      authenticatePortal: async () => ({
        ...portalSession,
        userName: hostile,
        tenantName: hostile,
      }),
      readPortalDevice: async () => hostileDevice,
      listPortalDevices: async () => [hostileDevice],
    })
    for (const url of ['/me', device]) {
      const { body } = await app.inject({ url, headers: signedIn })
      expect(body).not.toContain('<img')
      expect(body).toContain('&#39;&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&amp;amp;')
    }
  })
})

describe('the pages of a session', () => {
  test('are for its cookie, also by reload or typed address, not from another site', async () => {
    const app = await appWith()
    const status = async (headers: object) =>
      (await app.inject({ url: '/me', headers: { ...browser, ...headers } })).statusCode
    expect(await status({ cookie, 'sec-fetch-site': 'same-origin' })).toBe(200)
    expect(await status({ cookie, 'sec-fetch-site': 'none' })).toBe(200)
    expect(await status({ cookie })).toBe(200)
    expect(await status({ cookie, 'sec-fetch-site': 'same-site' })).toBe(403)
    expect(await status({ cookie, 'sec-fetch-site': 'cross-site' })).toBe(403)
    expect(await status({})).toBe(401)
  })

  test('change nothing when read: only a POST from the page itself unregisters', async () => {
    const commands: unknown[] = []
    const app = await appWith({
      unregisterFromPortal: async (_session, id, reason) => {
        commands.push([id, reason])
        return aDevice({ status: 'unregistered' })
      },
    })
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE'] as const) {
      await app.inject({ method, url: device, headers: signedIn })
    }
    const post = (headers: object, payload = 'reason=lost') =>
      app.inject({ method: 'POST', url: device, headers: { ...form, ...headers }, payload })
    for (const site of ['cross-site', 'same-site', 'none']) {
      expect((await post({ ...browser, cookie, 'sec-fetch-site': site })).statusCode).toBe(403)
    }
    expect((await post(ours)).statusCode).toBe(401)
    expect(commands).toEqual([])
    const { statusCode, headers } = await post(signedIn)
    expect([statusCode, headers.location]).toEqual([303, device])
    expect(commands).toEqual([[anId('device'), 'lost']])
  })

  test.each([
    ['no reason', ''],
    ['a reason of our own', 'reason=admin'],
    ['a reason twice', 'reason=lost&reason=stolen'],
    ['a field more', 'reason=lost&userId=x'],
    ['a name that breaks naive programs', '__proto__=x&reason=lost'],
    ['too much', `reason=${'x'.repeat(5000)}`],
  ])('the pages of a session refuse a form with %s, on a page', async (_, payload) => {
    const app = await appWith()
    const { statusCode, headers } = await app.inject({
      method: 'POST',
      url: device,
      headers: { ...signedIn, ...form },
      payload,
    })
    expect([400, 413]).toContain(statusCode)
    expect(headers['content-type']).toBe('text/html; charset=utf-8')
  })

  test('report an error on a page, with the id of the request, and a database outage', async () => {
    const app = await appWith(
      {
        listPortalDevices: async () => {
          throw new Error('it broke')
        },
        readPortalDevice: async () => {
          throw new Error('away')
        },
      },
      { isUnavailable: (error) => error instanceof Error && error.message === 'away' },
    )
    const failure = await app.inject({ url: '/me', headers: signedIn })
    expect(failure.statusCode).toBe(500)
    expect(failure.body).toContain(String(failure.headers['request-id']))
    expect(failure.body).not.toContain('it broke')
    const away = await app.inject({ url: device, headers: signedIn })
    expect([away.statusCode, away.headers['retry-after']]).toEqual([503, '1'])
    expect(away.body).toContain('Not possible at the moment')
  })

  test('the pages of a session answer programs with problem documents', async () => {
    const app = await appWith()
    const { statusCode, headers, body } = await app.inject({ url: '/me' })
    expect([statusCode, JSON.parse(body).code]).toEqual([401, 'portal_session_invalid'])
    expect(headers['content-type']).toMatch('application/problem+json')
  })
})

describe('the secret of a link', () => {
  test('is in no log line and no metric, whatever the outcome of the call', async () => {
    const lines: string[] = []
    const target = new Writable({
      write(line, _encoding, callback) {
        lines.push(String(line))
        callback()
      },
    })
    const observations: Observation[] = []
    const app = await appWith(
      {
        openPortal: async () => {
          throw new Error('it broke')
        },
      },
      {
        logger: pino(loggerOptions('trace'), target),
        onRequestObserved: (one) => observations.push(one),
      },
    )
    const requests = [
      { url: link },
      { method: 'HEAD', url: link },
      { method: 'POST', url: link, headers: ours },
      { method: 'POST', url: link },
      {
        method: 'POST',
        url: link,
        headers: { ...ours, 'content-type': 'text/plain' },
        payload: secret,
      },
      { method: 'DELETE', url: link },
      { url: `${link}?${secret}=${secret}` },
      { url: `${link}/${secret}` },
      { url: link.repeat(9) },
      { url: `${link}%zz` },
      { url: '/nowhere', headers: { referer: `${publicOrigin}${link}` } },
    ] as const
    const answers = []
    for (const request of requests) answers.push(await app.inject(request))
    await until('a line for each call', () => observations.length >= requests.length - 2)
    expect(answers.map(({ body }) => body).join('')).not.toContain('CANARY')
    expect(lines.join('')).not.toContain('CANARY')
    expect(JSON.stringify(observations)).not.toContain('CANARY')
    expect(new Set(observations.map(({ route }) => route))).toEqual(
      new Set(['/t/:tenantId/me/:secret', 'none']),
    )
  })
})

describe('the root page', () => {
  test('describes the service to browsers and programs, without its version', async () => {
    const app = await appWith()
    const page = await app.inject({ url: '/', headers: browser })
    expect(page.body).toContain('href="/docs"')
    const reply = await app.inject('/')
    expect(reply.json()).toEqual({
      name: 'Countersign',
      documentation: '/docs',
      description: '/openapi.yaml',
      health: '/health/ready',
    })
    for (const { body } of [page, reply]) expect(body).not.toMatch(/\d+\.\d+\.\d+/)
  })
})
