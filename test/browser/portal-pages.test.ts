// The portal for a user: a link in a mail, a browser without script, and a lost phone.

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { languages } from '../../src/platform/texts/texts.ts'
import { onServer } from '../support/cluster.ts'
import { notRun } from '../support/programs.ts'
import { enrollPhone, type RunningService, startTestService } from '../support/running-service.ts'

const executablePath = chromiumPath()
let service: RunningService
let browser: Browser

beforeAll(async () => {
  service = await startTestService()
  if (executablePath) browser = await openChromium(executablePath)
})
afterAll(async () => {
  await browser?.close()
  await service[Symbol.asyncDispose]()
})

async function linkFor(userId: string): Promise<string> {
  const session = await service.api('POST', `/v1/users/${userId}/portal-sessions`)
  expect(session.status).toBe(201)
  return session.json.url
}

/** A user's browser; without script by default. Violations of a page's policy are collected. */
async function sit(options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ javaScriptEnabled: false, ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
}

const titleOf = async (page: Page) =>
  (await page.textContent('h1'))?.replace(/[\u2066-\u2069]/g, '')

const ours = { accept: 'text/html', 'sec-fetch-site': 'same-origin' }
const press = (url: string, headers: Record<string, string> = ours) =>
  fetch(url, { method: 'POST', headers, redirect: 'manual' })

describe('a link in a mail', () => {
  test('is still valid after scanners, previews and prefetches have fetched it', async () => {
    const { userId } = await enrollPhone(service, { user: 'gil' })
    const link = await linkFor(userId)
    const readers = [
      { 'user-agent': 'mail scanner' },
      { accept: 'text/html', purpose: 'prefetch', 'sec-purpose': 'prefetch;prerender' },
      { accept: 'text/html', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
    ]
    for (const method of ['GET', 'HEAD']) {
      for (const headers of readers) {
        const { status, headers: replyHeaders } = await fetch(link, { method, headers })
        expect([status, replyHeaders.get('set-cookie')]).toEqual([200, null])
      }
    }
    // Nor is it used up by a scanner that sends forms, or by a foreign page.
    for (const site of [{}, { 'sec-fetch-site': 'cross-site' }, { origin: 'null' }]) {
      expect((await press(link, { accept: 'text/html', ...site })).status).toBe(403)
    }
    const { json } = await service.api('GET', `/v1/users/${userId}/activities`)
    expect(json.items.map(({ type }: { type: string }) => type)).not.toContain('portal_opened')
    expect((await press(link)).status).toBe(303)
  })

  test('is opened once, also at 50 concurrent presses', async () => {
    const { userId } = await enrollPhone(service, { user: 'hal' })
    const link = await linkFor(userId)
    const answers = await Promise.all(Array.from({ length: 50 }, () => press(link)))
    const redirects = answers.filter(({ status }) => status === 303)
    expect(redirects).toHaveLength(1)
    expect(answers.filter(({ headers }) => headers.has('set-cookie'))).toEqual(redirects)
    expect(answers.filter(({ status }) => status === 404)).toHaveLength(49)
  })

  test('is invalid after fifteen minutes, with the same response as an unknown link', async () => {
    const { userId } = await enrollPhone(service, { user: 'ida' })
    const link = await linkFor(userId)
    await onServer(service.database.url, (client) =>
      client.query(
        `update portal_sessions set link_expires_at = clock_timestamp() where user_id = '${userId}'`,
      ),
    )
    const late = await press(link)
    const never = await press(`${service.origin}/t/${service.tenantId}/me/${'A'.repeat(43)}`)
    expect([late.status, await late.text()]).toEqual([404, await never.text()])
  })
})

describe.runIf(executablePath)('in a browser without script', () => {
  test('a user follows the link, unregisters the lost phone, reads the next steps, and signs out', async () => {
    const lostPhone = await enrollPhone(service, { user: 'ada', name: 'Old phone' })
    const keptPhone = await enrollPhone(service, { user: 'ada', name: 'New phone' })
    await using seat = await sit()
    const { page, complaints } = seat
    await page.goto(await linkFor(lostPhone.userId))
    expect(await titleOf(page)).toBe('Look after your devices')
    await page.click('text=Continue')
    expect(new URL(page.url()).pathname).toBe('/me')
    expect(await page.textContent('main')).toContain('Signed in as ada at Default')
    await page.click('text=Unregister \u2068Old phone\u2069')
    expect(await titleOf(page)).toBe('Unregister Old phone?')
    expect(await lostPhone.client.self()).toMatchObject({ status: 'active' })
    await page.check('text=It was stolen')
    await page.click('text=Unregister this device')
    expect(await titleOf(page)).toBe('Old phone is unregistered')
    expect(await page.textContent('main')).toContain('Change your password')
    expect(await page.textContent('main')).toContain('your other devices go on working')
    await expect(lostPhone.client.self()).rejects.toMatchObject({ code: 'device_unregistered' })
    await page.reload()
    expect(await titleOf(page)).toBe('Old phone is unregistered')
    await page.click('text=Back to your devices')
    expect(await page.locator('.devices li').count()).toBe(1)
    expect(await keptPhone.client.self()).toMatchObject({ status: 'active' })
    await page.click('text=Sign out')
    expect(await titleOf(page)).toBe('You are signed out')
    await page.goto(`${service.origin}/me`)
    expect(await titleOf(page)).toBe('Ask for a new link')
    expect(complaints.filter((text) => !text.includes('401'))).toEqual([])
  })

  test('going back changes nothing, and after the last device the page says where to get another', async () => {
    const phone = await enrollPhone(service, { user: 'bea' })
    await using seat = await sit()
    const { page } = seat
    const link = await linkFor(phone.userId)
    await page.goto(link)
    await page.click('text=Continue')
    await page.click('text=Unregister')
    await page.click('text=Keep it and go back')
    expect(await phone.client.self()).toMatchObject({ status: 'active' })
    await page.click('text=Unregister')
    await page.click('text=Unregister this device')
    expect(await page.textContent('main')).toContain('No other device can approve your sign-ins')
    await page.goto(link)
    await page.click('text=Continue')
    expect(await titleOf(page)).toBe('This link does not work any more')
    await page.click('text=Your devices')
    expect(await page.textContent('main')).toContain('No device approves sign-ins')
  })

  test('names made up to break the page are plain text on it', async () => {
    const name = `"><script>alert(1)</script>&'<b>`
    const phone = await enrollPhone(service, { user: 'cy', name })
    await using seat = await sit({ javaScriptEnabled: true })
    const { page, complaints } = seat
    let dialogs = 0
    page.on('dialog', (dialog) => {
      dialogs += 1
      void dialog.dismiss()
    })
    await page.goto(await linkFor(phone.userId))
    await page.click('text=Continue')
    expect(await page.textContent('h2')).toBe(name)
    await page.click('a.button')
    expect(await titleOf(page)).toBe(`Unregister ${name}?`)
    expect(await page.locator('script, b').count()).toBe(0)
    expect([dialogs, complaints]).toEqual([0, []])
  })

  test.each([
    ['a browser in Dutch', { locale: 'nl-BE' }, ''],
    ['a link that asks for Dutch, through the whole session', { locale: 'en' }, '?ui_locales=nl'],
  ])('a user reads Dutch by %s', async (_, options, query) => {
    const phone = await enrollPhone(service, { user: 'gijs', name: 'Oude telefoon' })
    await using seat = await sit(options)
    const { page, complaints } = seat
    await page.goto(`${await linkFor(phone.userId)}${query}`)
    expect(await titleOf(page)).toBe('Beheer je apparaten')
    expect(await page.getAttribute('html', 'lang')).toBe('nl')
    await page.click('text=Ga door')
    expect(new URL(page.url()).search).toBe('')
    expect(await page.textContent('main')).toMatch(/Aangemeld als gijs bij Default\..*UTC\./s)
    await page.click('text=\u2068Oude telefoon\u2069 afmelden')
    await page.check('text=Het is gestolen')
    await page.click('text=Dit apparaat afmelden')
    expect(await titleOf(page)).toBe('Oude telefoon is afgemeld')
    await page.click('text=Uitloggen')
    expect(await titleOf(page)).toBe('Je bent uitgelogd')
    await page.goto(`${service.origin}/me`)
    expect(await titleOf(page)).toBe('Vraag om een nieuwe link')
    expect(complaints.filter((text) => !text.includes('401'))).toEqual([])
  })

  test.each([
    ['light', 'en'],
    ['dark', 'en'],
    ...languages.map((language) => ['light', language] as const).slice(1),
  ] as const)(
    'the pages fit a screen of 320 px in %s and %s, with any names',
    async (colorScheme, locale) => {
      const phone = await enrollPhone(service, {
        user: 'dee',
        name: 'Supercalifragilistic'.repeat(3),
      })
      await using seat = await sit({
        viewport: { width: 320, height: 600 },
        colorScheme,
        locale,
      })
      const { page } = seat
      const fits = async () => {
        const { width } = (await page.locator('html').boundingBox()) ?? { width: 0 }
        const inner = await page.locator('main').boundingBox()
        expect(inner?.width ?? 0).toBeLessThanOrEqual(320)
        const ends = await page
          .locator('main *')
          .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().right))
        expect(ends.length).toBeGreaterThan(1)
        expect(Math.max(...ends)).toBeLessThanOrEqual(width)
      }
      await page.goto(await linkFor(phone.userId))
      await fits()
      await page.click('form button')
      await fits()
      await page.click('a.button')
      await fits()
      expect(await page.getAttribute('html', 'lang')).toBe(locale)
    },
  )

  test('the keyboard alone suffices, in reading order', async () => {
    const phone = await enrollPhone(service, { user: 'eva' })
    await using seat = await sit()
    const { page } = seat
    await page.goto(await linkFor(phone.userId))
    await page.keyboard.press('Tab')
    await Promise.all([page.waitForURL('**/me'), page.keyboard.press('Enter')])
    await page.keyboard.press('Tab')
    await Promise.all([page.waitForURL('**/devices/*'), page.keyboard.press('Enter')])
    await page.keyboard.press('Tab')
    await page.keyboard.press('ArrowDown')
    expect(await page.inputValue('input:checked')).toBe('stolen')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.waitForSelector('h2')
    await expect(phone.client.self()).rejects.toMatchObject({ code: 'device_unregistered' })
  })
})

if (!executablePath) notRun('Chromium', 'chromium')
