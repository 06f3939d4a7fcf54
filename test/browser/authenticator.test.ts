// The authenticator in a browser, against the real service.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { createOtherTenant } from '../support/other-tenant.ts'
import { notRun } from '../support/programs.ts'
import { createApi, type RunningService, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'
import { ask, enrollBrowser, openEnrollment, sit } from './authenticator-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('the authenticator', () => {
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

  test('enrolls by "use this browser", and approves with the number that is typed', async () => {
    await using seat = await sit(browser, service)
    const { page, reads } = seat
    await enrollBrowser(service, seat, 'ada')
    const challenge = await ask(service, 'ada', { context: { application: 'Payroll' } })
    await page.getByRole('button', { name: 'Look at it' }).click()
    await reads(/asks: is this you\?/)
    await page.getByText('Payroll').waitFor()
    const approve = page.getByRole('button', { name: 'Approve' })
    expect(await approve.isDisabled()).toBe(true)
    await page.getByLabel('Number on the sign-in page').fill(challenge.number)
    await approve.click()
    await reads('Approved')
    expect(await challenge.reading()).toMatchObject({ status: 'approved' })
    expect(seat.complaints).toEqual([])
  })

  test('enrolls by a typed code, whatever its spelling', async () => {
    await using seat = await sit(browser, service)
    const { page, reads } = seat
    const { code, number } = await openEnrollment(service, 'bob')
    await page.goto(`${service.origin}/authenticator?tenant=${service.tenantId}`)
    await reads('Approve sign-ins in this browser')
    await page.getByRole('button', { name: 'Type a code' }).click()
    await page.getByLabel('User name').fill('bob')
    await page.getByLabel('Code', { exact: true }).fill(code.toLowerCase().replace('-', ' '))
    await page.getByRole('button', { name: 'Continue' }).click()
    await reads('Is this you?')
    await page.getByText('bob', { exact: true }).waitFor()
    await page.getByLabel('Number').fill(await number())
    await page.getByRole('button', { name: 'Confirm' }).click()
    await reads('Requests')
    expect(seat.complaints).toEqual([])
  })

  test('needs no more than a keyboard: it enrolls, approves, denies, and shows a code', async () => {
    await using seat = await sit(browser, service)
    const { page, reads } = seat
    const { keyboard } = page
    const focusText = () => page.evaluate('document.activeElement.textContent')
    /** Goes on by Tab alone, as far as a person would. */
    const pressOn = async (name: string) => {
      for (let presses = 0; presses < 16 && (await focusText()) !== name; presses++) {
        await keyboard.press('Tab')
      }
      expect(await focusText()).toBe(name)
      await keyboard.press('Enter')
    }
    const { uri, number } = await openEnrollment(service, 'cleo')
    await page.goto(uri)
    await page.getByRole('link', { name: 'Use this browser' }).waitFor()
    await pressOn('Use this browser')
    await reads('Add an account')
    await pressOn('Use this browser')
    await reads('Is this you?')
    // The heading has the focus; the number comes next.
    await keyboard.press('Tab')
    await keyboard.type(await number())
    await keyboard.press('Enter')
    await reads('Requests')
    for (const ending of ['Approved', 'Denied'] as const) {
      const challenge = await ask(service, 'cleo')
      await page.getByRole('button', { name: 'Look at it' }).waitFor()
      await pressOn('Look at it')
      await reads(/asks: is this you\?/)
      await keyboard.press('Tab')
      if (ending === 'Approved') {
        await keyboard.type(challenge.number)
        await keyboard.press('Enter')
      } else await pressOn('Deny')
      await reads(ending)
      expect(await focusText()).toBe(ending)
      expect((await challenge.reading()).status).toBe(ending.toLowerCase())
      await pressOn('Done')
      await reads('Requests')
    }
    await pressOn('Codes')
    await page.getByText(/^\d{3} \d{3}$/).waitFor()
    expect(seat.complaints).toEqual([])
  })

  test('denies, and reports what the person did not start, after saying what a report does', async () => {
    await using seat = await sit(browser, service)
    const { page, reads } = seat
    await enrollBrowser(service, seat, 'dora')
    const challenge = await ask(service, 'dora')
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByRole('button', { name: 'Deny' }).click()
    await reads('Denied')
    const denial = await challenge.reading()
    expect([denial.status, denial.reason]).toEqual(['denied', 'user_denied'])
    await page.getByRole('button', { name: 'Done' }).click()
    const foreign = await ask(service, 'dora')
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByRole('button', { name: 'This wasn’t me' }).click()
    await page.getByText('Your organisation receives a report.').waitFor()
    expect((await foreign.reading()).status).toBe('pending')
    await page.getByRole('button', { name: 'Report it' }).click()
    await reads('Reported')
    const report = await foreign.reading()
    expect([report.status, report.reason]).toEqual(['denied', 'user_reported'])
    expect(seat.complaints).toEqual([])
  })

  test('says how many tries are left, and ends with the last one', async () => {
    await using seat = await sit(browser, service)
    const { page, reads } = seat
    await enrollBrowser(service, seat, 'edna')
    const { number, reading } = await ask(service, 'edna')
    await page.getByRole('button', { name: 'Look at it' }).click()
    const wrong = number === '111111' ? '222222' : '111111'
    for (const text of ['2 more times', '1 more time', null]) {
      await page.getByLabel('Number on the sign-in page').fill(wrong)
      await page.getByRole('button', { name: 'Approve' }).click()
      if (text !== null) await page.getByText(text).first().waitFor()
    }
    await reads('Denied: too many wrong numbers')
    expect((await reading()).reason).toBe('number_mismatch')
  })

  test('holds several accounts, names the one that is asked, and forgets one with its keys', async () => {
    await using seat = await sit(browser, service)
    const { page, reads } = seat
    await enrollBrowser(service, seat, 'fay')
    await enrollBrowser(service, seat, 'gus')
    const challenge = await ask(service, 'gus')
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByText('gus · Default').waitFor()
    await page.getByLabel('Number on the sign-in page').fill(challenge.number)
    await page.getByRole('button', { name: 'Approve' }).click()
    await reads('Approved')
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByRole('button', { name: 'gus' }).click()
    await page.getByRole('button', { name: 'Remove this account' }).click()
    await page.getByRole('button', { name: 'Remove', exact: true }).click()
    await reads('Requests')
    const accounts = await page.evaluate(`new Promise((resolve) => {
      const request = indexedDB.open('countersign-authenticator')
      request.onsuccess = () => {
        const all = request.result.transaction('accounts').objectStore('accounts').getAll()
        all.onsuccess = () => resolve(all.result.map(({ account, keys }) => [
          account.user.displayName, keys.possession.privateKey.extractable,
        ]))
      }
    })`)
    expect(accounts).toEqual([['fay', false]])
    // Of gus no device is left to ask.
    await expect(ask(service, 'gus')).rejects.toThrow(/no_/)
  })

  test('holds accounts of several tenants, which ask, answer and end apart from each other', async () => {
    await using seat = await sit(browser, service)
    const { page, reads } = seat
    await enrollBrowser(service, seat, 'ivo')
    const other = await createOtherTenant(service)
    const beside: RunningService = { ...service, api: createApi(service.origin, other.key) }
    await enrollBrowser(beside, seat, 'ivo')
    const answers = [
      [await ask(service, 'ivo'), 'ivo · Default', 'Approve', 'approved'],
      [await ask(beside, 'ivo'), 'ivo · Other', 'Deny', 'denied'],
    ] as const
    for (const [challenge, account, press, status] of answers) {
      const card = page.locator('.card', { hasText: account })
      await card.getByRole('button', { name: 'Look at it' }).click()
      await page.getByText(account).waitFor()
      await page.getByLabel('Number on the sign-in page').fill(challenge.number)
      await page.getByRole('button', { name: press }).click()
      await reads(/Approved|Denied/)
      expect((await challenge.reading()).status).toBe(status)
      await page.getByRole('button', { name: 'Done' }).click()
    }
    await page.getByRole('button', { name: 'Codes' }).click()
    await page.getByText('Code of ivo at Default').waitFor()
    await page.getByText('Code of ivo at Other').waitFor()
    const { json } = await beside.api('GET', '/v1/users?limit=1')
    const [device] = (await beside.api('GET', `/v1/users/${json.items[0].id}/devices`)).json.items
    await beside.api('POST', `/v1/devices/${device.id}/unregister`, { reason: 'lost' })
    await page.getByRole('button', { name: 'Requests' }).click()
    await page.getByRole('button', { name: 'What now?' }).click()
    await page.getByText('It approves nothing for ivo at Other').waitFor()
    await page.getByRole('button', { name: 'Erase its keys' }).click()
    await reads('Requests')
    await ask(service, 'ivo')
    await page.getByRole('button', { name: 'Look at it' }).waitFor()
    expect(seat.complaints).toEqual([])
  })

  test('tells the service its version after an update, once, and its language when chosen', async () => {
    await using seat = await sit(browser, service)
    const { page, reads } = seat
    await enrollBrowser(service, seat, 'hana')
    await page.evaluate(`new Promise((resolve) => {
      const request = indexedDB.open('countersign-authenticator')
      request.onsuccess = () => {
        const store = request.result.transaction('accounts', 'readwrite').objectStore('accounts')
        store.getAll().onsuccess = ({ target }) => {
          store.put({ ...target.result[0], appVersion: '0.0.1' }).onsuccess = resolve
        }
      }
    })`)
    const bodies: unknown[] = []
    page.on('request', (request) => {
      if (request.method() === 'PATCH') bodies.push(request.postDataJSON())
    })
    await page.reload()
    await page.getByText('Nothing is waiting.').waitFor()
    expect(bodies[0]).toMatchObject({ appVersion: expect.any(String), protocolVersion: 2 })
    await page.reload()
    await page.getByText('Nothing is waiting.').waitFor()
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByLabel('Language').selectOption('nl')
    await reads('Instellingen')
    await until('the language is reported', async () => bodies.length > 1)
    expect(bodies.slice(1)).toEqual([{ language: 'nl' }])
    expect(seat.complaints).toEqual([])
  })
})
