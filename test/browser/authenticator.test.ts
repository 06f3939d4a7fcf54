// The authenticator in a browser, against the real service.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { notRun } from '../support/programs.ts'
import { type RunningService, startTestService } from '../support/running-service.ts'
import { ask, enrollBrowser, openEnrollment, sit } from './authenticator-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium')

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
})
