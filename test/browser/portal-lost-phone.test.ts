// A lost phone with a question on its screen, and its owner in the portal.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { authenticatorEn } from '../../src/platform/texts/authenticator/en.ts'
import { visit } from '../portal/portal-visit.ts'
import { notRun } from '../support/programs.ts'
import { type RunningService, startTestService } from '../support/running-service.ts'
import { ask, enrollBrowser, sit } from './authenticator-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('a lost phone', () => {
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

  test('is ended from the portal while a question waits on it: its answer is refused', async () => {
    await using phone = await sit(browser, service)
    await enrollBrowser(service, phone, 'ada')
    const challenge = await ask(service, 'ada')
    await phone.page.getByRole('button', { name: authenticatorEn.requests.open }).click()
    await phone.page.getByLabel(authenticatorEn.request.number).fill(challenge.number)
    // The phone learns nothing: it is out of reach until it answers.
    await phone.context.route(/\/device\/v1\/(?!.*\/answer$)/, (route) => route.abort())

    await using owner = await sit(browser, service)
    const { json } = await service.api('GET', '/v1/users')
    await visit(service, owner.page, json.items[0].id)
    await owner.page.getByRole('link', { name: /^Unregister/ }).click()
    await owner.page.getByRole('button', { name: 'Unregister this device' }).click()
    await owner.page.getByRole('heading', { name: 'What to do next' }).waitFor()

    const answering = phone.page.waitForResponse(/\/answer$/)
    await phone.page
      .getByRole('button', { name: authenticatorEn.request.approve, exact: true })
      .click()
    const answer = await answering
    expect(await answer.json()).toMatchObject({ code: 'device_unregistered' })
    expect(await challenge.reading()).toMatchObject({ status: 'denied', reason: 'no_device_left' })
    expect([owner.complaints, phone.complaints]).toEqual([[], []])
  })
})
