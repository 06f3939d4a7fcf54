// The whole portal for a person: a browser without script, phones, and what becomes of them.

import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { languages, textsIn } from '../../src/platform/texts/texts.ts'
import { headingOf, phoneByTypedCode, sitDown, visit } from '../portal/portal-visit.ts'
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

const ask = async (user: string, context: object = { application: 'Payroll' }) => {
  const challenge = await service.api('POST', '/v1/challenges', { user, context })
  expect(challenge.status).toBe(201)
  return challenge.json as { readonly id: string; readonly number: string }
}

const press = async (page: Page, text: string) =>
  Promise.all([page.waitForLoadState(), page.click(`main >> text="${text}"`)])

describe.runIf(executablePath)('in a browser without script, a person', () => {
  test('renames a phone, and suspends it while a question waits: its answer is refused', async () => {
    const phone = await enrollPhone(service, { user: 'ada', name: 'Old name' })
    const challenge = await ask('ada')
    const [request] = (await phone.client.pending()).requests
    if (!request) throw new Error('the phone is not asked')
    await using seat = await sitDown(browser)
    const { page, complaints } = seat
    await visit(service, page, phone.userId)
    await page.click('text=Rename, suspend or test')
    expect(await headingOf(page)).toBe('Settings of Old name')
    await page.fill('input[name=name]', 'שלום <b>')
    await press(page, 'Save the name')
    expect(await headingOf(page)).toBe('Settings of שלום <b>')
    expect(await phone.client.self()).toMatchObject({ name: 'שלום <b>' })
    await press(page, 'Suspend this device')
    expect(await page.textContent('[role=status]')).toContain('It is suspended')
    expect(await page.locator('text="Suspend this device"').count()).toBe(0)
    await expect(phone.client.approve(request, challenge.number)).rejects.toMatchObject({
      code: 'device_suspended',
    })
    const { json } = await service.api('GET', `/v1/challenges/${challenge.id}`)
    expect(json).toMatchObject({ status: 'denied', reason: 'no_device_left' })
    expect(complaints).toEqual([])
  })

  test('ends a lost phone while a question waits on it: nothing is asked there, its answer is refused', async () => {
    const lostPhone = await enrollPhone(service, { user: 'bea', name: 'Lost phone' })
    const challenge = await ask('bea')
    const [request] = (await lostPhone.client.pending()).requests
    if (!request) throw new Error('the phone is not asked')
    await using seat = await sitDown(browser)
    const { page } = seat
    await visit(service, page, lostPhone.userId)
    await page.click('text=Unregister \u2068Lost phone\u2069')
    await press(page, 'Unregister this device')
    expect(await headingOf(page)).toBe('Lost phone is unregistered')
    await expect(lostPhone.client.approve(request, challenge.number)).rejects.toMatchObject({
      code: 'device_unregistered',
    })
    const { json } = await service.api('GET', '/v1/challenges?user=bea')
    expect(json.items).toMatchObject([{ id: challenge.id, status: 'denied' }])
    await page.goto(`${service.origin}/me/activities`)
    const removal = page.locator('.card', { hasText: 'A device was removed' })
    expect(await removal.textContent()).toContain('Lost phone')
  })

  test('adds a phone with a typed code and the number that the page shows', async () => {
    const { userId } = await enrollPhone(service, { user: 'cas', name: 'Kept phone' })
    await using seat = await sitDown(browser)
    const { page, complaints } = seat
    await visit(service, page, userId)
    await press(page, 'Add a phone')
    await press(page, 'Show the code')
    expect(await page.locator('[role=img] svg').count()).toBe(1)
    const code = (await page.textContent('.code')) ?? ''
    await press(page, 'I have scanned or typed it')
    expect(await headingOf(page)).toBe('Waiting for the phone')
    const phone = await phoneByTypedCode(service, code, 'cas')
    // The page loads itself again.
    await page.waitForSelector('h1 >> text="Type this number on the phone"')
    await phone.confirm((await page.textContent('.code')) ?? '')
    await page.waitForSelector('h1 >> text="The phone is added"')
    expect(await page.locator('meta[http-equiv=refresh]').count()).toBe(0)
    await press(page, 'Back to your devices')
    expect(await page.locator('.devices li').count()).toBe(2)
    expect(complaints).toEqual([])
  })

  test('makes recovery codes, which are shown once: a reload shows and makes none', async () => {
    const { userId } = await enrollPhone(service, { user: 'dan' })
    await using seat = await sitDown(browser)
    const { page } = seat
    await visit(service, page, userId)
    await press(page, 'Recovery codes')
    expect(await page.textContent('main')).toContain('You have 0 unused codes.')
    await press(page, 'Make new codes')
    const codes = await page.locator('ol li').allTextContents()
    expect(new Set(codes).size).toBe(10)
    await page.reload()
    expect(await headingOf(page)).toBe('Newer codes were made meanwhile')
    expect(await page.locator('ol li').count()).toBe(0)
    await press(page, 'To the codes')
    expect(await page.textContent('main')).toContain('You have 10 unused codes.')
    const use = await service.api('POST', `/v1/users/${userId}/passcodes/verify`, {
      code: codes[0],
    })
    expect(use.json).toMatchObject({ method: 'recovery_code', recoveryCodesLeft: 9 })
  })

  test('says that the newest sign-in was not theirs: what waits is called off', async () => {
    const { userId } = await enrollPhone(service, { user: 'eli' })
    const { id } = await ask('eli', { application: 'Wire transfers', location: 'Atlantis' })
    await using seat = await sitDown(browser)
    const { page } = seat
    await visit(service, page, userId)
    const text = await page.textContent('main')
    expect(text).toContain('Is this you?')
    expect(text).toContain('Atlantis')
    await press(page, 'This wasn’t me')
    expect((await service.api('GET', `/v1/challenges/${id}`)).json.status).toBe('pending')
    await press(page, 'Report that it was not me')
    expect(await headingOf(page)).toBe('It is reported')
    expect((await service.api('GET', `/v1/challenges/${id}`)).json.status).toBe('cancelled')
    const { json } = await service.api('GET', '/v1/reports?status=open')
    expect(json.items[0]).toMatchObject({ userId, challengeId: id, deviceId: null })
  })

  test('pauses notifications, resumes them, and chooses which to get', async () => {
    const { userId } = await enrollPhone(service, { user: 'fay' })
    await using seat = await sitDown(browser)
    const { page } = seat
    await visit(service, page, userId)
    await press(page, 'Notifications and pause')
    await press(page, 'Pause for 8 hours')
    expect(await page.textContent('[role=status]')).toContain('Notifications are paused until')
    const { json } = await service.api('GET', `/v1/users/${userId}/protection`)
    expect(Date.parse(json.pausedUntil) - Date.now()).toBeGreaterThan(7 * 3600 * 1000)
    await press(page, 'Resume notifications')
    expect(await page.locator('[role=status]').count()).toBe(0)
    await page.check('input[name=relying_party][value=off]')
    await press(page, 'Save')
    expect(await page.isChecked('input[name=relying_party][value=off]')).toBe(true)
  })

  test('asks to be erased, and is not: the organisation sees the request, one of a day', async () => {
    const phone = await enrollPhone(service, { user: 'gus' })
    await using seat = await sitDown(browser)
    const { page } = seat
    await visit(service, page, phone.userId)
    await press(page, 'My data')
    await press(page, 'Ask to be erased')
    expect(await headingOf(page)).toBe('Your request is recorded')
    await page.reload()
    expect(await headingOf(page)).toBe('Your request is recorded')
    expect(await phone.client.self()).toMatchObject({ status: 'active' })
    const { json } = await service.api('GET', `/v1/users/${phone.userId}/activities`)
    const types = json.items.map(({ type }: { readonly type: string }) => type)
    expect(types.filter((type: string) => type === 'erasure_requested')).toHaveLength(1)
  })

  test('takes a copy of everything that is stored, as a file', async () => {
    const { userId } = await enrollPhone(service, { user: 'hao' })
    await using seat = await sitDown(browser)
    const { page } = seat
    await visit(service, page, userId)
    await press(page, 'My data')
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.click('text="Download it"'),
    ])
    expect(file.suggestedFilename()).toBe('my-data.json')
    const text = await new Response((await file.createReadStream()) as never).text()
    expect(JSON.parse(text).tables.users).toMatchObject([{ id: userId }])
  })
})

const places = ['', '/phones', '/sign-ins', '/activities', '/notifications', '/codes', '/data']

describe.runIf(executablePath)('every page', () => {
  test.each(
    languages.flatMap((language) => [
      [language, 360, 'light'] as const,
      [language, 1280, 'dark'] as const,
    ]),
  )('in %s fits a screen of %i px in %s, with any names', async (locale, width, colorScheme) => {
    const user = `${locale}${width}`
    const long = 'Supercalifragilistic'.repeat(3)
    const { userId, deviceId } = await enrollPhone(service, { user, name: long })
    const fields = Array.from({ length: 20 }, (_, at) => ({
      label: `${at}${long}`,
      value: long.repeat(4),
    }))
    await ask(user, { application: long, fields })
    const post = { type: 'x', severity: 'info', title: long, message: long.repeat(4), fields }
    await service.api('POST', `/v1/users/${userId}/activities`, post)
    await using seat = await sitDown(browser, {
      viewport: { width, height: 800 },
      colorScheme,
      locale,
    })
    const { page, complaints } = seat
    await visit(service, page, userId)
    const more = [`/devices/${deviceId}`, `/devices/${deviceId}/settings`, '/reported']
    for (const place of [...places, ...more]) {
      await page.goto(`${service.origin}/me${place}`)
      expect(await page.getAttribute('html', 'lang')).toBe(locale)
      const inner = await page.evaluate('document.documentElement.scrollWidth').catch(() => 0)
      const ends = await page
        .locator('main *')
        .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().right))
      expect(Math.max(...ends, Number(inner)), place).toBeLessThanOrEqual(width)
    }
    expect(complaints).toEqual([])
  })

  test.each(languages)(
    'of new codes in %s copies and prints them by its script',
    async (locale) => {
      const { userId } = await enrollPhone(service, { user: `codes-${locale}` })
      await using seat = await sitDown(browser, { javaScriptEnabled: true, locale })
      const { page, context, complaints } = seat
      await context.grantPermissions(['clipboard-read', 'clipboard-write'])
      const { codes } = textsIn(locale).portal
      await visit(service, page, userId)
      await page.goto(`${service.origin}/me/codes`)
      await press(page, codes.go)
      const pageCodes = await page.locator('ol li').allTextContents()
      await page.click('#copy')
      const clipboardText = String(await page.evaluate('navigator.clipboard.readText()'))
      expect(clipboardText.match(/[0-9A-Z]{4}(-[0-9A-Z]{4}){3}/g)).toEqual(pageCodes)
      expect(await page.isVisible('#print')).toBe(true)
      expect(complaints).toEqual([])
    },
  )
})

if (!executablePath) notRun('Chromium', 'chromium')
