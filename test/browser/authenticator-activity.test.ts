// What the authenticator says has happened: who did what, with which device, for which application.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { notRun } from '../support/programs.ts'
import { enrollPhone, type RunningService, startTestService } from '../support/running-service.ts'
import { ask, enrollBrowser, type Seat, sit } from './authenticator-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('the activity screen of the authenticator', () => {
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

  /** Title and line of each activity, newest first, without its time. */
  async function lines({ page, reads }: Pick<Seat, 'page' | 'reads'>): Promise<string[][]> {
    await page.reload()
    await page.getByRole('button', { name: 'Activity' }).click()
    await reads('Activity')
    await page.locator('.card').first().waitFor()
    const cards = await page.locator('.card').all()
    return Promise.all(
      cards.map(async (card) => [
        (await card.locator('h3').textContent()) ?? '',
        ((await card.locator('p').first().textContent()) ?? '').replace(/(^| · )[\d:]+$/, ''),
      ]),
    )
  }

  async function idOf(user: string): Promise<string> {
    const { json } = await service.api('GET', '/v1/users?limit=100')
    const users = json.items as { id: string; displayName: string }[]
    return String(users.find(({ displayName }) => displayName === user)?.id)
  }

  test('says of each sign-in the application, the device and the outcome', async () => {
    await using seat = await sit(browser, service)
    const { page, reads } = seat
    await enrollBrowser(service, seat, 'ada')
    const phone = await enrollPhone(service, { user: 'ada', name: 'Old phone' })
    const mail = await ask(service, 'ada', { context: { application: 'Mail' } })
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByLabel('Number on the sign-in page').fill(mail.number)
    await page.getByRole('button', { name: 'Approve' }).click()
    await reads('Approved')
    await ask(service, 'ada', { context: { application: 'Payroll' } })
    const [request] = (await phone.client.pending()).requests
    if (!request) throw new Error('the phone was not asked')
    await phone.client.deny(request)
    expect((await lines(seat)).slice(0, 4)).toEqual([
      ['A sign-in was denied', 'Payroll · Old phone'],
      ['A sign-in was requested', 'Payroll · by an application of your organisation'],
      ['A sign-in was approved', 'Mail · Chrome, Linux'],
      ['A sign-in was requested', 'Mail · by an application of your organisation'],
    ])
    // Relying parties do not learn of each other's applications.
    const { text } = await service.api('GET', `/v1/users/${await idOf('ada')}/activities`)
    expect(text).toContain('challenge_approved')
    expect(text).not.toMatch(/Mail|Payroll/)
    expect(seat.complaints).toEqual([])
  })

  test('names a device that is removed by then, and who removed it; then says that it is itself', async () => {
    await using seat = await sit(browser, service)
    const { page } = seat
    await enrollBrowser(service, seat, 'bea')
    for (const name of ['Lost phone', 'Sold phone']) {
      await enrollPhone(service, { user: 'bea', name })
    }
    const other = await enrollPhone(service, { user: 'bea', name: 'Other phone' })
    const [sold, lost] = (await other.client.devices())
      .filter(({ name }) => / phone/.test(name))
      .filter(({ name }) => name !== 'Other phone')
    await other.client.unregisterOther(String(lost?.id))
    await service.api('POST', `/v1/devices/${sold?.id}/unregister`, { reason: 'lost' })
    const all = await lines(seat)
    expect(all.slice(0, 2)).toEqual([
      ['A device was removed', 'Sold phone · by an application of your organisation'],
      ['A device was removed', 'Lost phone · by \u2068Other phone\u2069'],
    ])
    expect(all).toContainEqual(['A device was added', 'Lost phone'])
    expect(seat.complaints).toEqual([])
    const own = (await other.client.devices()).find(({ name }) => name === 'Chrome, Linux')
    await other.client.unregisterOther(String(own?.id))
    await page.reload()
    await page.getByRole('button', { name: 'Activity' }).click()
    await page.getByText('An account was removed from this browser.').waitFor()
  })

  test('shows what a relying party posted as its claim, in full', async () => {
    await using seat = await sit(browser, service)
    const { page } = seat
    await enrollBrowser(service, seat, 'cas')
    const id = await idOf('cas')
    const { status } = await service.api('POST', `/v1/users/${id}/activities`, {
      type: 'password_changed',
      severity: 'warning',
      title: 'Your password was changed',
      message: 'If this was not you, tell your help desk.',
      fields: [{ label: 'Browser', value: 'Firefox on Windows' }],
    })
    expect(status).toBe(201)
    await lines(seat)
    const card = page.locator('.card').first()
    await card.getByText('Default says: Your password was changed').waitFor()
    await card.getByText('If this was not you, tell your help desk.').waitFor()
    await card.getByText('Firefox on Windows').waitFor()
    expect(seat.complaints).toEqual([])
  })
})
