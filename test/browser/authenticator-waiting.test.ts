// An open authenticator finds requests by itself, which is all that a demo without pushes has.

import type { Browser, Request } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { notRun } from '../support/programs.ts'
import { type RunningService, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'
import { ask, enrollBrowser, sit } from './authenticator-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('an open authenticator', () => {
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

  test('looks for requests while it is seen, one call at a time, and not otherwise', async () => {
    await using seat = await sit(browser, service)
    const { page } = seat
    await page.clock.install()
    // Chromium without a window shows every page; what the browser says is replaced.
    await page.addInitScript(`
      globalThis.isSeen = true
      const visibilityState = { get: () => (isSeen ? 'visible' : 'hidden') }
      Object.defineProperty(document, 'visibilityState', visibilityState)`)
    const setSeen = (isSeen: boolean) =>
      page.evaluate(`isSeen = ${isSeen}; document.dispatchEvent(new Event('visibilitychange'))`)
    await enrollBrowser(service, seat, 'ada')

    const runningCalls = new Set<Request>()
    const calls = { most: 0, all: 0 }
    page.on('request', (request) => {
      if (new URL(request.url()).pathname !== '/device/v1/challenges') return
      calls.all += 1
      calls.most = Math.max(calls.most, runningCalls.add(request).size)
    })
    for (const end of ['requestfinished', 'requestfailed'] as const) {
      page.on(end as 'requestfailed', (request) => void runningCalls.delete(request))
    }
    await page.reload()
    for (const n of [1, 2]) {
      const { id } = await ask(service, 'ada')
      await page.getByRole('button', { name: 'Look at it' }).waitFor()
      await service.api('POST', `/v1/challenges/${id}/cancel`)
      await page.getByText('Nothing is waiting.').waitFor()
      expect(calls.all).toBeGreaterThan(n)
    }
    expect(calls.most).toBe(1)

    await setSeen(false)
    await ask(service, 'ada')
    // The call that was to come next may still be made.
    await page.clock.runFor(60_000)
    await until('the last call has ended', () => runningCalls.size === 0)
    const before = calls.all
    await page.clock.runFor(120_000)
    expect(calls.all).toBe(before)
    await setSeen(true)
    await until('the next call is made', () => calls.all > before)
    expect(seat.complaints).toEqual([])
  })
})
