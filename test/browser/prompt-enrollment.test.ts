// A person without a phone whom Entra sends: a code of the help desk, a first device, and back.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { type EnrollmentScene, openEnrollments } from '../prompts/enrollment-scene.ts'
import { notRun } from '../support/programs.ts'
import { claimPhone } from '../support/running-service.ts'
import { sitAtPrompt } from './prompt-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('a person without a phone', () => {
  let scene: EnrollmentScene
  let browser: Browser

  beforeAll(async () => {
    scene = await openEnrollments()
    browser = await openChromium(executablePath ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await scene?.[Symbol.asyncDispose]()
  })

  type Seat = Awaited<ReturnType<typeof sitAtPrompt>>

  /** From the number that nobody gets to the form. */
  async function goToForm({ page, reads }: Seat) {
    await page.getByText('My phone is not with me, or I have none yet').click()
    await page.getByRole('link', { name: 'Add a first device' }).click()
    await reads('Add a first device')
  }
  const codeOn = async ({ page }: Seat) => (await page.locator('p.code').textContent()) ?? ''

  test('enrolls this browser by a code of the help desk, approves in it, and is signed in', async () => {
    const { oid, userId } = await scene.aNewcomer()
    await using seat = await sitAtPrompt(browser, scene)
    const { page, reads, context } = seat
    await seat.arrive(scene.clientId, { claims: { oid } })
    await goToForm(seat)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('alert').waitFor()
    await page.getByLabel('Code from the help desk').fill(await scene.codeFor(userId))
    await page.keyboard.press('Enter')
    await reads('Scan this code')
    const [app] = await Promise.all([
      context.waitForEvent('page'),
      page.getByRole('link', { name: 'Use this browser' }).click(),
    ])
    await reads('Add an account', app)
    await app.getByRole('button', { name: 'Use this browser' }).click()
    await reads('Is this you?', app)
    await reads('Type this number on the phone')
    await app.getByLabel('Number').fill(await codeOn(seat))
    await app.getByRole('button', { name: 'Confirm' }).click()
    await reads('Requests', app)
    await reads('Confirm it is you')
    const number = await seat.number()
    await app.getByRole('button', { name: 'Look at it' }).click()
    await reads(/asks: is this you\?/, app)
    await app.getByLabel('Number on the sign-in page').fill(number)
    await app.getByRole('button', { name: 'Approve' }).click()
    await reads('Approved', app)
    await reads('Entra: signed in')
    expect(seat.answers).toEqual(['signed in'])
    expect(seat.foreignHosts()).toEqual([])
  })

  test('enrolls a phone in a window without script: the page loads itself again', async () => {
    const { oid, userId } = await scene.aNewcomer()
    await scene.openWindow(userId)
    const { service } = scene
    await using seat = await sitAtPrompt(browser, scene, { javaScriptEnabled: false })
    const { page, reads } = seat
    await seat.arrive(scene.clientId, { claims: { oid } })
    await goToForm(seat)
    await page.getByRole('button', { name: 'Continue' }).click()
    await reads('Scan this code')
    const ticket = { origin: service.origin, tenantId: service.tenantId, user: oid }
    const phone = await claimPhone(service, { ...ticket, code: await codeOn(seat) })
    await reads('Type this number on the phone')
    await phone.client.confirm(await codeOn(seat))
    await reads('The phone is added')
    await page.getByRole('button', { name: 'Ask my phone' }).click()
    await reads('Confirm it is you')
    await phone.client.approve(await scene.questionAt(phone), await seat.number())
    await reads('Confirmed')
    await page.click('button')
    await reads('One moment')
    await page.click('button')
    await reads('Entra: signed in')
    expect(seat.foreignHosts()).toEqual([])
  })

  test('who calls it off on the page of the prompt gives up the device with it', async () => {
    const { oid, userId } = await scene.aNewcomer()
    await scene.openWindow(userId)
    await using seat = await sitAtPrompt(browser, scene)
    const { page, reads } = seat
    await seat.arrive(scene.clientId, { claims: { oid } })
    const address = page.url()
    await goToForm(seat)
    await page.getByRole('button', { name: 'Continue' }).click()
    await reads('Scan this code')
    const tab = await seat.context.newPage()
    await tab.goto(address)
    await tab.getByRole('button', { name: 'Not you? Go back' }).click()
    await reads('It was called off', tab)
    await reads('It was called off')
    expect(await scene.enrollmentsOf(userId)).toMatchObject([{ status: 'cancelled' }])
  })
})
