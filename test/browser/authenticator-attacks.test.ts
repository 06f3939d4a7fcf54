// What others can do to a person's authenticator: links, frames, texts, a bad machine.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { notRun } from '../support/programs.ts'
import { type RunningService, startTestService } from '../support/running-service.ts'
import { ask, enrollBrowser, openEnrollment, sit } from './authenticator-seat.ts'
import { openBrowserThatSees } from './film.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')
const tenant = `tnt_${'0'.repeat(26)}`

describe.runIf(executablePath)('an authenticator', () => {
  let service: RunningService
  let browser: Browser

  beforeAll(async () => {
    service = await startTestService()
    browser = await openChromium(executablePath ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await service?.[Symbol.asyncDispose]()
  })

  test.each([
    '#x',
    `#${tenant}/${'A'.repeat(42)}`,
    `#${tenant}/${'A'.repeat(44)}`,
    `#${tenant}/${'A'.repeat(43)}/`,
    `#https://evil.example/t/${tenant}/enroll#${'A'.repeat(43)}`,
    '#<img src=x onerror=alert(1)>',
    '#%3Cscript%3Ealert(1)%3C%2Fscript%3E',
    '#javascript:alert(1)',
  ])('does nothing with the foreign fragment %s, and erases it', async (fragment) => {
    await using seat = await sit(browser, service)
    const { page } = seat
    await page.goto(`${service.origin}/authenticator/${fragment}`)
    await page.getByText('That is no code for this app.').waitFor()
    expect(page.url()).toBe(`${service.origin}/authenticator/`)
    expect(seat.complaints).toEqual([])
  })

  test('takes the code out of the address at once, and claims it only when the person says so', async () => {
    await using seat = await sit(browser, service)
    const { page } = seat
    const { uri, id } = await openEnrollment(service, 'ada')
    const code = String(uri.split('#')[1])
    await page.goto(`${service.origin}/authenticator/#${service.tenantId}/${code}`)
    await page.getByText('A link wants to add an account').waitFor()
    expect(page.url()).not.toContain(code)
    expect(await page.evaluate('JSON.stringify(history.state)')).not.toContain(code)
    await page.reload()
    await page.getByRole('heading', { level: 1 }).waitFor()
    expect(await page.content()).not.toContain(code)
    const { json } = await service.api('GET', `/v1/enrollments/${id}`)
    expect(json.status).toBe('open')
  })

  test('takes no code of another server, whether scanned or pasted', async () => {
    await using seat = await sit(browser, service)
    const { page } = seat
    await page.goto(`${service.origin}/authenticator?tenant=${service.tenantId}`)
    await page.getByRole('button', { name: 'Type a code' }).click()
    await page.getByLabel('User name').fill('ada')
    const foreign = `https://evil.example/t/${tenant}/enroll#${'A'.repeat(43)}`
    await page.getByLabel('Code', { exact: true }).fill(foreign)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('This code belongs to another server.').waitFor()
    expect(seat.complaints).toEqual([])
  })

  test.each([
    `https://evil.example/t/${tenant}/enroll#${'A'.repeat(43)}`,
    'otpauth://totp/a?secret=AAAAAAAA',
    'javascript:alert(1)',
  ])('does nothing with the foreign QR code %s that its camera sees', async (text) => {
    const withCamera = await openBrowserThatSees(text, executablePath ?? '')
    await using seat = await sit(withCamera, service)
    const { page, reads } = seat
    await page.goto(`${service.origin}/authenticator/`)
    await page.getByRole('button', { name: 'Scan a QR code' }).click()
    await page.getByText(/^(This code belongs to another server|That is no code)/).waitFor()
    await reads('Scan the QR code')
    expect(page.url()).toBe(`${service.origin}/authenticator/`)
    expect(seat.complaints).toEqual([])
  })

  test('has a worker that controls nothing beside it', async () => {
    await using seat = await sit(browser, service)
    const { page } = seat
    await page.goto(`${service.origin}/authenticator/`)
    const scope = 'navigator.serviceWorker.ready.then(({ scope }) => scope)'
    expect(await page.evaluate(scope)).toBe(`${service.origin}/authenticator/`)
    const worker = await fetch(`${service.origin}/authenticator/worker.js`)
    expect(worker.headers.get('service-worker-allowed')).toBe(null)
    // Another page of the origin, without the policy of this one.
    await page.route('**/elsewhere', (route) =>
      route.fulfill({ contentType: 'text/html', body: '' }),
    )
    await page.goto(`${service.origin}/elsewhere`)
    const wider = `navigator.serviceWorker
      .register('/authenticator/worker.js', { scope: '/' })
      .then(() => 'taken', ({ name }) => name)`
    expect(await page.evaluate(wider)).toBe('SecurityError')
    expect(await page.evaluate('navigator.serviceWorker.controller')).toBe(null)
  })

  test('cannot be framed by a page of another origin, nor by one of its own', async () => {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html')
      response.end(`<iframe src="${service.origin}/authenticator/"></iframe>`)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    const [, frame] = page.frames()
    await frame?.waitForLoadState()
    expect(await frame?.locator('#app').count()).toBe(0)
    expect(frame?.url()).toMatch(/^chrome-error:/)
  })

  test('shows the texts of others as they are: no markup, no script, each by itself', async () => {
    await using seat = await sit(browser, service)
    const { page, reads } = seat
    const markup = '<img src=x onerror=alert(1)><script>alert(2)</script>'
    const enrollment = await service.api('POST', '/v1/enrollments', {
      user: 'mallory',
      displayName: `${markup} \u05d0\u05d1`,
    })
    const { uri, id } = enrollment.json
    await page.goto(`${service.origin}/authenticator/#${service.tenantId}/${uri.split('#')[1]}`)
    await page.getByLabel('Name of this browser').fill(markup)
    await page.getByRole('button', { name: 'Use this browser' }).click()
    await reads('Is this you?')
    const { number } = (await service.api('GET', `/v1/enrollments/${id}`)).json
    await page.getByLabel('Number').fill(number)
    await page.getByRole('button', { name: 'Confirm' }).click()
    await reads('Requests')
    const fields = Array.from({ length: 20 }, (_, at) => ({
      label: `${at} <b>bold</b>`,
      value: `${markup}${'x'.repeat(80)}`,
    }))
    const context = { application: markup, action: markup, location: '\u05d0\u05d1 <i>', fields }
    const challenge = await ask(service, 'mallory', { context })
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByText('19 <b>bold</b>').waitFor()
    expect(await page.locator('main :is(img, script, b, i)').count()).toBe(0)
    // Each text of others is isolated from the direction of what stands around it.
    expect(await page.locator('dd > bdi').count()).toBeGreaterThan(22)
    const wide = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
    expect(await page.evaluate(wide)).toBe(0)
    await page.getByLabel('Number on the sign-in page').fill(challenge.number)
    await page.getByRole('button', { name: 'Approve' }).click()
    await reads('Approved')
    await page.getByRole('button', { name: 'Done' }).click()
    for (const tab of ['Codes', 'Activity', 'Settings']) {
      await page.getByRole('button', { name: tab, exact: true }).click()
      await reads(tab)
    }
    await page.getByRole('button', { name: 'mallory' }).or(page.getByText(markup)).first().click()
    await page.getByRole('heading', { name: 'Your devices' }).waitFor()
    expect(await page.locator('main :is(img, script, b, i)').count()).toBe(0)
    expect(seat.complaints).toEqual([])
  })

  test('that is open in two windows answers once: the other one says so', async () => {
    await using seat = await sit(browser, service)
    const { page, context, reads } = seat
    await enrollBrowser(service, seat, 'nora')
    const other = await context.newPage()
    await other.goto(`${service.origin}/authenticator/`)
    const challenge = await ask(service, 'nora')
    for (const window of [page, other]) {
      await window.bringToFront()
      await window.getByRole('button', { name: 'Look at it' }).click()
      await window.getByLabel('Number on the sign-in page').fill(challenge.number)
    }
    // A window that hears of the other's answer first has no button any more.
    const press = (window: Page, name: string) =>
      window
        .getByRole('button', { name })
        .click({ timeout: 5_000 })
        .catch(() => undefined)
    await Promise.all([press(page, 'Approve'), press(other, 'Deny')])
    const endings = /^(Approved|Denied|Already answered)$/
    await reads(endings)
    await reads(endings, other)
    const titles = [await page.textContent('h1'), await other.textContent('h1')].sort()
    const { status } = await challenge.reading()
    expect(titles).toEqual(['Already answered', status === 'approved' ? 'Approved' : 'Denied'])
    expect(seat.complaints).toEqual([])
  })

  test.each([
    ['two hours behind', -7_200_000],
    ['a day ahead', 86_400_000],
  ])('whose clock is %s enrolls and approves all the same', async (_, errorMs) => {
    await using seat = await sit(browser, service)
    const { page, context, reads } = seat
    await context.addInitScript(`{
      const Real = Date
      const now = () => Real.now() + ${errorMs}
      globalThis.Date = class extends Real {
        constructor(...given) { if (given.length === 0) super(now()); else super(...given) }
        static now() { return now() }
      }
    }`)
    const user = `clock${errorMs}`
    await enrollBrowser(service, seat, user)
    const challenge = await ask(service, user)
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByLabel('Number on the sign-in page').fill(challenge.number)
    await page.getByRole('button', { name: 'Approve' }).click()
    await reads('Approved')
    expect((await challenge.reading()).status).toBe('approved')
  })

  test('that cannot store its keys uses up no code', async () => {
    await using seat = await sit(browser, service)
    const { page, context } = seat
    const { uri, id } = await openEnrollment(service, 'olga')
    await page.goto(`${service.origin}/authenticator/`)
    const devtools = await context.newCDPSession(page)
    const quota = { origin: service.origin, quotaSize: 1 }
    await devtools.send('Storage.overrideQuotaForOrigin', quota)
    await page.goto(`${service.origin}/authenticator/#${service.tenantId}/${uri.split('#')[1]}`)
    await page.getByRole('button', { name: 'Use this browser' }).click()
    await page.getByText('The code was not used up.').waitFor()
    expect((await service.api('GET', `/v1/enrollments/${id}`)).json.status).toBe('open')
  })

  test('whose storage is full after it enrolled approves and keeps its account all the same', async () => {
    await using seat = await sit(browser, service)
    const { page, context, reads } = seat
    await enrollBrowser(service, seat, 'piet')
    const devtools = await context.newCDPSession(page)
    const quota = { origin: service.origin, quotaSize: 1 }
    await devtools.send('Storage.overrideQuotaForOrigin', quota)
    for (const start of ['as it is open', 'opened again']) {
      if (start === 'opened again') await page.reload()
      const challenge = await ask(service, 'piet')
      await page.getByRole('button', { name: 'Look at it' }).click()
      await page.getByLabel('Number on the sign-in page').fill(challenge.number)
      await page.getByRole('button', { name: 'Approve' }).click()
      await reads('Approved')
      expect([start, (await challenge.reading()).status]).toEqual([start, 'approved'])
      await page.getByRole('button', { name: 'Done' }).click()
    }
    await page.getByRole('button', { name: 'Codes' }).click()
    await page.getByText(/^\d{3} \d{3}$/).waitFor()
    expect(seat.complaints).toEqual([])
  })

  test('in a browser that keeps nothing says so before it asks for a code', async () => {
    await using seat = await sit(browser, service)
    const { page, context } = seat
    await context.addInitScript(`IDBFactory.prototype.open = () => {
      throw new DOMException('private', 'SecurityError')
    }`)
    await page.goto(`${service.origin}/authenticator/`)
    await page.getByText('it cannot keep keys').waitFor()
    expect(await page.getByRole('button', { name: 'Scan a QR code' }).count()).toBe(0)
  })

  test('without a camera leads to the typed code', async () => {
    await using seat = await sit(browser, service)
    const { page, reads } = seat
    await page.goto(`${service.origin}/authenticator/`)
    await page.getByRole('button', { name: 'Scan a QR code' }).click()
    await page.getByText('The camera cannot be used.').waitFor()
    await page.getByRole('button', { name: 'Type a code' }).click()
    await reads('Type the code')
    expect(seat.complaints).toEqual([])
  })
})
