// The demo as people meet it: the sign-in page in one window, the authenticator in another.

import { mkdtemp, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { anyPorts } from '../../demo/free-port.ts'
import {
  confirm,
  numberOn,
  openRequest,
  setUpInThisBrowser,
  signIn,
  typeNumber,
} from '../../demo/pictures/people.ts'
import { appId } from '../../demo/push-credentials.ts'
import { type RunningDemo, startDemo } from '../../demo/running-demo.ts'
import { forget } from '../../demo/stack.ts'
import { connectPushService } from '../../simulator/push-service.ts'
import { createVirtualPhone } from '../../simulator/virtual-phone.ts'
import { notRun } from '../support/programs.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('the demo in a browser', () => {
  let browser: Browser
  let demo: RunningDemo
  let folder: string

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(path.join(tmpdir(), 'cs-demo-')))
    demo = await startDemo(folder, await anyPorts())
    browser = await openChromium(executablePath ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await demo?.stop()
    await forget(folder)
  })

  /** A person in front of the sign-in page. */
  async function sit() {
    const context = await browser.newContext({ locale: 'en-GB' })
    const complaints: string[] = []
    context.on('page', (page) => {
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text())
      })
    })
    const page = await context.newPage()
    await page.goto(demo.pagesUrl)
    return { context, page, complaints, [Symbol.asyncDispose]: () => context.close() }
  }

  test('a new name sets up the authenticator, approves, denies and reports, without a reload', async () => {
    await using seat = await sit()
    const { context, page } = seat
    await signIn(page, 'ada')
    const authenticator = await setUpInThisBrowser(context, page)
    const answer = (name: string) =>
      authenticator.getByRole('button', { name, exact: true }).click()
    await openRequest(page, authenticator)
    await typeNumber(page, authenticator)
    await answer('Approve')
    await page.getByRole('heading', { name: 'You are signed in' }).waitFor()
    await page.getByText('signed for this browser session; verified').waitFor()
    await answer('Done')

    await page.getByRole('button', { name: 'Sign out' }).click()
    await signIn(page, 'ada')
    await openRequest(page, authenticator)
    await answer('Deny')
    await page.getByRole('heading', { name: 'Denied in the authenticator' }).waitFor()
    await answer('Done')

    await page.getByRole('button', { name: 'Sign in again' }).click()
    await signIn(page, 'ada')
    await openRequest(page, authenticator)
    await answer('This wasn’t me')
    await authenticator.getByRole('dialog').getByRole('button', { name: 'Report' }).click()
    await page.getByRole('heading', { name: 'Reported: “This wasn’t me”' }).waitFor()
    expect(seat.complaints).toEqual([])
  })

  test('a second authenticator is set up by typing its code; the portal shows both', async () => {
    await using seat = await sit()
    const { context, page } = seat
    await signIn(page, 'bea')
    const first = await setUpInThisBrowser(context, page)
    await openRequest(page, first)
    await typeNumber(page, first)
    await first.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('button', { name: 'Add a device' }).click()
    const code = (await page.locator('.code').first().textContent()) ?? ''

    await using other = await sit()
    const [second] = await Promise.all([
      other.context.waitForEvent('page'),
      other.page.getByRole('link', { name: 'Open the authenticator' }).click(),
    ])
    await second.getByRole('button', { name: 'Type a code' }).click()
    await second.getByLabel('User name').fill('bea')
    await second.getByLabel('Code', { exact: true }).fill(code)
    await second.getByRole('button', { name: 'Continue' }).click()
    await confirm(page, second)

    await page.getByRole('heading', { name: 'You are signed in' }).waitFor()
    const [portal] = await Promise.all([
      context.waitForEvent('page'),
      page.getByRole('link', { name: 'Your sign-ins, devices and recovery codes' }).click(),
    ])
    await portal.locator('form button').first().click()
    await portal.locator('.devices').waitFor()
    expect(await portal.locator('.devices li').count()).toBe(2)
    expect([...seat.complaints, ...other.complaints]).toEqual([])
  })

  test('the inbox shows what APNs and FCM received, and never the number', async () => {
    await using seat = await sit()
    const { context, page } = seat
    const inbox = await context.newPage()
    await inbox.goto(`${demo.pagesUrl}/inbox`)
    await inbox.getByText('Nothing yet').waitFor()
    await inbox.getByText(`--simulator ${demo.controlUrl} --uri`).waitFor()
    const pushes = await connectPushService(demo.controlUrl)
    const phone = await createVirtualPhone({ pushes, provider: 'fcm', appId, name: 'Phone' })
    await signIn(page, 'cas')
    const link = page.getByRole('link', { name: 'Set it up in this browser' })
    await phone.enroll((await link.getAttribute('href')) ?? '')
    await page.getByText('An authenticator has read the code.').waitFor()
    await phone.confirm(await numberOn(page))
    await page.getByText('Received there').or(page.getByText('took the push')).waitFor()
    const row = inbox.locator('#pushes > li').first()
    await row.getByText('FCM (simulated)').waitFor()
    expect(await row.textContent()).not.toContain(await numberOn(page))
    await pushes.close()
    expect(seat.complaints).toEqual([])
  })
})
