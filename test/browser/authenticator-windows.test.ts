// The authenticator in several windows at once, and its worker: one store for all of them.

import type { Browser, Page, Route } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { notRun } from '../support/programs.ts'
import { type RunningService, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'
import { ask, enrollBrowser, sit } from './authenticator-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('an authenticator in several windows', () => {
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

  /** Acts on the store of accounts, after all that was begun there before. */
  const withStore = (page: Page, act: string) =>
    page.evaluate(`new Promise((resolve) => {
      indexedDB.open('countersign-authenticator').onsuccess = ({ target: { result } }) => {
        const transaction = result.transaction('accounts', 'readwrite')
        const answer = transaction.objectStore('accounts').${act}
        transaction.oncomplete = () => resolve(answer.result)
      }
    })`)

  test('that one of them removes stays removed, with its keys, whatever another hears later', async () => {
    await using seat = await sit(browser, service)
    const { page, context, reads } = seat
    await enrollBrowser(service, seat, 'ada')
    const other = await context.newPage()
    const waits: Route[] = []
    await other.route('**/device/v1/challenges*', (route) => void waits.push(route))
    await other.goto(`${service.origin}/authenticator/`)
    await until('the other one is asking', () => waits.length > 0)
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByRole('button', { name: 'ada' }).click()
    await page.getByRole('button', { name: 'Remove this account' }).click()
    await page.getByRole('button', { name: 'Remove', exact: true }).click()
    await reads('Approve sign-ins in this browser')
    await reads('Approve sign-ins in this browser', other)
    // Now it learns that the device is no more, and would write that down.
    const refusal = other.waitForResponse(/device.v1.challenges/)
    await Promise.all(waits.map((route) => route.continue()))
    await (await refusal).finished()
    const redraw = 'new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))'
    for (let turn = 0; turn < 5; turn++) await other.evaluate(redraw)
    expect(await withStore(other, 'getAllKeys()')).toEqual([])
    expect(seat.complaints).toEqual([])
  })

  test('that cannot read its store for once does not say that its keys are gone', async () => {
    await using seat = await sit(browser, service)
    const { page, context } = seat
    await enrollBrowser(service, seat, 'bob')
    const other = await context.newPage()
    await other.addInitScript(`IDBObjectStore.prototype.getAll = () => {
      throw new DOMException('the disk is broken', 'UnknownError')
    }`)
    await other.goto(`${service.origin}/authenticator/`)
    await other.getByText('This browser stores nothing').waitFor()
    await page.reload()
    await page.getByText('Nothing is waiting.').waitFor()
  })

  test('says of a question from a browser like this one that both may be one thief’s', async () => {
    await using seat = await sit(browser, service)
    const { page } = seat
    await enrollBrowser(service, seat, 'cleo')
    const userAgent = String(await page.evaluate('navigator.userAgent'))
    const warning = page.getByText('This sign-in began in a browser like this one.')
    for (const [agent, isLike] of [
      [`${userAgent} Other/1`, 0],
      [userAgent, 1],
    ] as const) {
      await ask(service, 'cleo', { context: { userAgent: agent } })
      await page.getByRole('button', { name: 'Look at it' }).click()
      await page.getByText(agent).first().waitFor()
      expect(await warning.count()).toBe(isLike)
      await page.getByRole('button', { name: 'Deny' }).click()
      await page.getByRole('button', { name: 'Done' }).click()
    }
  })

  test('offers notifications once, and no more when that was declined', async () => {
    await using seat = await sit(browser, service)
    const { page } = seat
    await enrollBrowser(service, seat, 'dora')
    await page.getByRole('button', { name: 'Not now' }).click()
    await page.reload()
    await page.getByText('Nothing is waiting.').waitFor()
    expect(await page.getByRole('button', { name: 'Turn on notifications' }).count()).toBe(0)
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByRole('button', { name: 'Turn on notifications' }).waitFor()
  })
})
