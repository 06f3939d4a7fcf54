// An authenticator with an origin of its own, in front of a real service.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { freePort } from '../support/ports.ts'
import { notRun } from '../support/programs.ts'
import { createApi, type RunningService, startTestService } from '../support/running-service.ts'
import { ask, openEnrollment, sit } from './authenticator-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('an authenticator with an origin of its own', () => {
  let service: RunningService
  let browser: Browser
  let port: number
  let own: string

  beforeAll(async () => {
    port = await freePort()
    own = `http://localhost:${port}`
    // The public origin has another port, on which nobody listens: the app must not call it.
    service = await startTestService({ port, authenticatorOrigin: own })
    browser = await openChromium(executablePath ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await service?.[Symbol.asyncDispose]()
  })

  test('enrolls and approves there, although codes, proofs and answers name the public one', async () => {
    const api = createApi(`http://127.0.0.1:${port}`, service.key)
    await using seat = await sit(browser, { origin: own })
    const { page, reads } = seat
    const { uri, number } = await openEnrollment({ api }, 'ada')
    expect(uri).toContain(`${service.origin}/t/`)
    const code = uri.split('#')[1]
    await page.goto(`${own}/authenticator/#${service.tenantId}/${code}`)
    await page.getByRole('button', { name: 'Use this browser' }).click()
    await page.getByRole('button', { name: 'Skip', exact: true }).click()
    await reads('Is this you?')
    await page.getByLabel('Number').fill(await number())
    await page.getByRole('button', { name: 'Confirm' }).click()
    await reads('Requests')
    const challenge = await ask({ ...service, api }, 'ada')
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByLabel('Number on the sign-in page').fill(challenge.number)
    await page.getByRole('button', { name: 'Approve' }).click()
    await reads('Approved')
    expect((await challenge.reading()).status).toBe('approved')
    expect(seat.complaints).toEqual([])
  })

  test('is where the button of the enrollment page leads to, code included', async () => {
    const publicAddress = `http://127.0.0.1:${port}`
    const api = createApi(publicAddress, service.key)
    const page = await browser.newPage()
    const { uri } = await openEnrollment({ api }, 'bob')
    await page.goto(`${publicAddress}/t/${service.tenantId}/enroll#${uri.split('#')[1]}`)
    await page.getByRole('link', { name: 'Use this browser' }).click()
    await page.getByText('A link wants to add an account').waitFor()
    expect(page.url()).toBe(`${own}/authenticator/`)
    await page.close()
  })
})
