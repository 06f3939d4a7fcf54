// Codes of other services, which the authenticator keeps beside its own.

import { Secret, TOTP } from 'otpauth'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { notRun } from '../support/programs.ts'
import { type RunningService, startTestService } from '../support/running-service.ts'
import { enrollBrowser, sit } from './authenticator-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

const key = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
const markup = '<img src=x onerror=alert(1)>'

describe.runIf(executablePath)('a code of another service', () => {
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

  test('is shown without any call, survives a start and the last account, and is removed', async () => {
    await using seat = await sit(browser, service)
    const { page, reads } = seat
    const bodies: string[] = []
    page.on('request', (request) => bodies.push(`${request.url()} ${request.postData()}`))
    await enrollBrowser(service, seat, 'ada')
    await page.getByRole('button', { name: 'Codes' }).click()
    await page.getByRole('button', { name: 'Add a code of another service' }).click()
    const field = page.getByLabel('Setup key')
    await field.fill('otpauth://hotp/a?secret=short')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('That is no key').waitFor()
    const other = new TOTP({
      ...{ issuer: markup, label: 'ada', algorithm: 'SHA512', digits: 8 },
      ...{ period: 300, secret: Secret.fromBase32(key) },
    })
    await field.fill(other.toString())
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('heading', { name: `${markup} · ada` }).waitFor()
    const shows = () => page.getByText(/^\d{4} \d{4}$/).textContent()
    const code = () => other.generate().replace(/^.{4}/, '$& ')
    expect([code(), code()]).toContain(await shows())
    expect(await page.locator('main img').count()).toBe(0)
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByRole('button', { name: 'ada' }).click()
    await page.getByRole('button', { name: 'Remove this account' }).click()
    await page.getByRole('button', { name: 'Remove', exact: true }).click()
    await reads('Approve sign-ins in this browser')
    await page.reload()
    expect([code(), code()]).toContain(await shows())
    await page.getByRole('button', { name: 'Remove', exact: true }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await page.getByText('Codes of other services').waitFor({ state: 'detached' })
    expect(bodies.filter((one) => one.includes(key) || one.includes('otpauth'))).toEqual([])
    expect(seat.complaints).toEqual([])
  })
})
