// In which language pages are, and what the choice cannot be made to do.

import { describe, expect, onTestFinished, test } from 'vitest'
import { refuse } from '../../src/domain/refusal.ts'
import { languages, textsIn } from '../../src/platform/texts/texts.ts'
import type { AppOptions } from '../../src/service/app-options.ts'
import type { UseCases } from '../../src/service/bind-use-cases.ts'
import { aDevice, anApp, anId, portalSession } from '../platform/http/fixtures.ts'

const browser = { accept: 'text/html', 'sec-fetch-site': 'same-origin' }
const session = `__Host-countersign-portal=${anId('tenant')}.${'A'.repeat(43)}`
const link = `/t/${anId('tenant')}/me/${'A'.repeat(43)}`
const device = `/me/devices/${anId('device')}`
const lostDevice = `/me/devices/${anId('device', '1')}`

const useCases: Partial<UseCases> = {
  authenticatePortal: async (value) =>
    value === undefined ? refuse('portal_session_invalid') : portalSession,
  readPortalDevice: async (_session, id) =>
    aDevice({
      id,
      ...(lostDevice.endsWith(id) && { status: 'unregistered', unregisterReason: 'stolen' }),
    }),
  listPortalDevices: async () => [aDevice()],
  listPortalChallenges: async () => [],
  closePortal: async () => undefined,
}

async function appWith(more: Partial<AppOptions> = {}) {
  const app = await anApp(useCases, more)
  onTestFinished(() => app.close())
  return app
}

type Headers = Readonly<Record<string, string>>

/** `lang` of the page, of its headers, and its heading. */
async function languageOf(url: string, headers: Headers = {}, more: Partial<AppOptions> = {}) {
  const app = await appWith(more)
  const answer = await app.inject({ url, headers: { ...browser, ...headers } })
  const [, lang, dir] = /<html lang="([^"]*)" dir="([^"]*)">/.exec(answer.body) ?? []
  expect(answer.headers['content-language']).toBe(lang)
  expect(dir).toBe('ltr')
  return { ...answer, lang }
}

describe('every page is in the language that the browser prefers, and says so', () => {
  test.each([
    ['the beginning', 'GET', '/', '', ({ home }) => home.about],
    ['the address of a QR code', 'GET', `/t/${anId('tenant')}/enroll`, '', (t) => t.enrollment.how],
    ['a link', 'GET', link, '', (t) => t.link.title],
    ['the devices', 'GET', '/me', session, (t) => t.devices.statuses.active],
    ['a device', 'GET', device, session, (t) => t.confirm.reasons.stolen],
    ['a device that was lost', 'GET', lostDevice, session, (t) => t.result.next],
    ['the end of a session', 'POST', '/me/sign-out', session, (t) => t.signedOut.what],
    ['a refusal', 'GET', '/me', '', (t) => t.problemPages.portal_session_invalid.title],
    ['a link that was cut off', 'GET', `/t/${anId('tenant')}/me`, '', (t) => t.devices.title],
    ['nothing', 'GET', '/nowhere', '', (t) => t.problemPages.not_found.title],
    [
      'an address that no route fits',
      'GET',
      '/%zz',
      '',
      (t) => t.problemPages.invalid_request.what,
    ],
  ] satisfies [
    string,
    'GET' | 'POST',
    string,
    string,
    (texts: ReturnType<typeof textsIn>) => string,
  ][])('%s', async (_, method, url, cookie, textOf) => {
    const app = await appWith()
    for (const language of languages) {
      const headers = { ...browser, cookie, 'accept-language': `fr, ${language}-BE;q=0.8` }
      const answer = await app.inject({ method, url, headers })
      expect(answer.body).toMatch(`<html lang="${language}" dir="ltr">`)
      expect(answer.body).toContain(textOf(textsIn(language)))
      expect(answer.headers).toMatchObject({
        'content-language': language,
        'cache-control': 'no-store',
        vary: 'Accept, Accept-Language, Cookie',
      })
    }
  })

  test('and no text of one page is left in another language', async () => {
    const [english, dutch] = await Promise.all(
      ['en', 'nl'].map((one) => languageOf('/me', { cookie: session, 'accept-language': one })),
    )
    const words = (body = '') =>
      body
        .replace(/<style>.*<\/style>/s, '')
        .replace(/<bdi>.*?<\/bdi>|\u2068.*?\u2069/gs, '')
        .split(/<[^>]*>/)
        .map((text) => text.trim())
        .filter((text) => /[a-z]{3}/i.test(text))
    const sameTexts = words(english?.body).filter((text) => words(dutch?.body).includes(text))
    expect(new Set(sameTexts)).toEqual(new Set(['Model', 'Status', '12:00 UTC']))
  })
})

describe('the language of a page', () => {
  const dutch = { 'accept-language': 'nl' }

  test('is English where nothing is said', async () => {
    expect((await languageOf('/')).lang).toBe('en')
    expect((await languageOf('/', { 'accept-language': '*' })).lang).toBe('en')
  })

  test('follows ui_locales before the cookie, and the cookie before Accept-Language', async () => {
    const cookie = '__Host-countersign-language=en'
    expect((await languageOf('/', { ...dutch, cookie })).lang).toBe('en')
    expect((await languageOf('/?ui_locales=nl-BE%20en', { cookie })).lang).toBe('nl')
    expect((await languageOf('/?ui_locales=fr', { ...dutch, cookie })).lang).toBe('en')
    expect((await languageOf('/?ui_locales=fr', dutch)).lang).toBe('nl')
  })

  test('is remembered where it was asked for, and nowhere else', async () => {
    const first = await languageOf('/?ui_locales=nl-BE')
    expect(first.headers['set-cookie']).toBe(
      '__Host-countersign-language=nl; Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax; Secure',
    )
    const cookie = '__Host-countersign-language=nl'
    expect((await languageOf('/me', { cookie: `${session}; ${cookie}` })).lang).toBe('nl')
    for (const one of [
      await languageOf('/', dutch),
      await languageOf('/?ui_locales=fr', dutch),
      await languageOf('/?ui_locales=nl', { cookie }),
    ]) {
      expect(one.headers['set-cookie']).toBeUndefined()
    }
  })

  test('is remembered without https as far as a browser keeps it there', async () => {
    const { headers } = await languageOf(
      '/?ui_locales=nl',
      {},
      { publicOrigin: 'http://localhost' },
    )
    expect(headers['set-cookie']).toBe(
      'countersign-language=nl; Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax',
    )
  })

  const hostile = '"><script>alert(1)</script>\r\nSet-Cookie: a=b'
  test.each([
    ['ui_locales', `/?ui_locales=${encodeURIComponent(hostile)}`, {}],
    ['far too long ui_locales', `/?ui_locales=${'nl-'.repeat(2000)}`, {}],
    ['other members', `${link}?ui_locales[]=nl&__proto__=nl&utm=%3Cscript%3E`, {}],
    ['the cookie', '/', { cookie: `__Host-countersign-language=${hostile.slice(0, 25)}` }],
    ['the header', '/', { 'accept-language': hostile.slice(0, 25) }],
    ['a heavy header', '/', { 'accept-language': 'nl;q=9,'.repeat(1000) }],
  ])(
    'is no way in: nothing hostile in %s comes back, and the page is shown',
    async (...[, url, more]) => {
      const answer = await languageOf(url, more as Headers)
      expect([answer.statusCode, answer.lang]).toEqual([200, 'en'])
      expect(`${answer.body}${JSON.stringify(answer.headers)}`).not.toMatch(/script|alert|a=b|\[\]/)
    },
  )

  test('of a link does not depend on what is asked for beside the language', async () => {
    const [one, other] = await Promise.all(
      [link, `/t/${anId('tenant', '1')}/me/${'B'.repeat(43)}?utm_source=mail`].map((url) =>
        languageOf(url, dutch),
      ),
    )
    expect(one?.body).toBe(other?.body)
  })
})
