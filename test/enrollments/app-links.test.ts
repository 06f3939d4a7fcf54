// Which apps may open links of the origin, and how a person gets from the page into the app.

import { createHash } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { LinkedApp } from '../../src/domain/app-links.ts'
import type { AppOptions } from '../../src/service/app-options.ts'
import { readConfig } from '../../src/service/config.ts'
import { anApp, anId } from '../platform/http/fixtures.ts'

const linkedApps: readonly LinkedApp[] = [
  { appleId: 'ABCDE12345.com.example.auth' },
  { packageName: 'com.example.auth', signer: 'ab'.repeat(32) },
]
const apple = '/.well-known/apple-app-site-association'
const google = '/.well-known/assetlinks.json'
const page = `/t/${anId('tenant')}/enroll`

async function appWith(options: Partial<AppOptions>) {
  const app = await anApp({}, options)
  onTestFinished(() => app.close())
  return app
}

describe('the files of app links', () => {
  test('are JSON that anybody may cache, without a redirect', async () => {
    const app = await appWith({ linkedApps })
    for (const url of [apple, google]) {
      const answer = await app.inject(url)
      expect(answer.statusCode).toBe(200)
      expect(answer.headers['content-type']).toMatch(/^application\/json(; charset=utf-8)?$/)
      expect(answer.headers['cache-control']).toBe('public, max-age=300')
      const again = { 'if-none-match': String(answer.headers.etag) }
      expect((await app.inject({ url, headers: again })).statusCode).toBe(304)
    }
    expect((await app.inject(apple)).json()).toMatchObject({
      applinks: { details: [{ appIDs: ['ABCDE12345.com.example.auth'] }] },
    })
    expect((await app.inject(google)).json()).toMatchObject([
      { target: { namespace: 'android_app', package_name: 'com.example.auth' } },
    ])
  })

  test('are not there without an app, as if there had never been such an address', async () => {
    const app = await appWith({})
    const nowhere = await app.inject('/.well-known/nothing')
    for (const url of [apple, google]) {
      const answer = await app.inject(url)
      expect([answer.statusCode, answer.body]).toEqual([404, nowhere.body])
    }
    const appleOnly = await appWith({ linkedApps: linkedApps.slice(0, 1) })
    expect((await appleOnly.inject(google)).statusCode).toBe(404)
  })
})

describe('the page of an enrollment', () => {
  const scriptIn = (body: string) => /<script>(.*)<\/script>/s.exec(body)?.[1]

  test('has a button that opens the app by a link of its own origin, in a new tab', async () => {
    const { body } = await (await appWith({ linkedApps })).inject(page)
    const [, attributes = ''] = /<a ([^>]*)>Open the app<\/a>/s.exec(body) ?? []
    expect(attributes).toContain('href="enroll"')
    expect(attributes).toContain('target="_blank"')
    expect(attributes).toMatch(/rel="noopener\s+noreferrer"/)
    expect(body).not.toMatch(/(?:href|src)="(?!enroll")/)
  })

  test('runs the one script that its policy names, which copies the code into the link', async () => {
    const { body, headers } = await (await appWith({ linkedApps })).inject(page)
    const script = scriptIn(body) ?? ''
    const source = createHash('sha256').update(script).digest('base64')
    expect(headers['content-security-policy']).toContain(`script-src 'sha256-${source}';`)
    const link = { hash: '' }
    const document = { getElementById: (id: string) => (id === 'open-app' ? link : null) }
    new Function('document', 'location', script)(document, { hash: '#code' })
    expect(link.hash).toBe('#code')
  })

  test('bears what mail programs and trackers append to its address', async () => {
    const app = await appWith({ linkedApps })
    const answer = await app.inject(`${page}?utm_source=mail&ui_locales=nl`)
    expect([answer.statusCode, answer.headers['content-language']]).toEqual([200, 'nl'])
    expect(answer.body).toContain('href="enroll"')
  })

  test('is a page for a browser where it is refused, and a problem for a program', async () => {
    const app = await appWith({})
    const url = '/t/nobody/enroll'
    const answer = await app.inject({
      url,
      headers: { accept: 'text/html', 'accept-language': 'nl' },
    })
    expect(answer.statusCode).toBe(404)
    expect(answer.headers['content-type']).toContain('text/html')
    expect(answer.body).toContain('lang="nl"')
    expect((await app.inject(url)).json()).toMatchObject({ code: 'not_found' })
  })

  test('has neither where no app is linked, or where the origin is not https', async () => {
    for (const options of [{}, { linkedApps, publicOrigin: 'http://localhost:8080' }]) {
      const { body, headers } = await (await appWith(options)).inject(page)
      expect(body).not.toContain('Open the app</a>')
      expect(scriptIn(body)).toBeUndefined()
      expect(headers['content-security-policy']).not.toContain('script-src')
    }
  })
})

describe('apps that may open links', () => {
  const digest = 'aB'.repeat(32)

  test('are none unless they are listed, each by team and bundle id or by package and digest', () => {
    expect(readConfig({}).linkedApps).toEqual([])
    const colons = digest.match(/../g)?.join(':') ?? ''
    const list = `ABCDE12345.com.example.auth, com.example.auth:${digest},com.example.b:${colons}`
    expect(readConfig({ APP_LINKS: list }).linkedApps).toEqual([
      { appleId: 'ABCDE12345.com.example.auth' },
      { packageName: 'com.example.auth', signer: digest },
      { packageName: 'com.example.b', signer: colons },
    ])
  })

  test.each([
    ['a bundle id without its team', 'com.example.auth'],
    ['a team of another length', 'ABCDE1234.com.example.auth'],
    ['a package without a digest', 'com.example.auth:'],
    ['a digest of another length', `com.example.auth:${digest}00`],
    ['a package without a dot', `auth:${digest}`],
    ['an address', 'https://example.com'],
    ['an empty item', 'ABCDE12345.com.example.auth,'],
  ])('are reported at start when misspelt: %s', (_, list) => {
    expect(() => readConfig({ APP_LINKS: list })).toThrow(
      'APP_LINKS: must be TEAMID.bundle.id (Apple) and package:sha256 (Android), ' +
        'separated by commas',
    )
  })
})
