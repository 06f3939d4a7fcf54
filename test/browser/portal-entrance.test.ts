// Entering the portal by a device of one's own, in a browser with and without script.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { type EntranceScene, openEntrance } from '../portal/entrance-scene.ts'
import { notRun } from '../support/programs.ts'
import { sit } from './authenticator-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('a person enters by a phone', () => {
  let scene: EntranceScene
  let browser: Browser

  beforeAll(async () => {
    scene = await openEntrance()
    browser = await openChromium(executablePath ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await scene?.service[Symbol.asyncDispose]()
  })

  test('with script: the page goes on by itself when the phone has approved', async () => {
    const phone = await scene.aPhone()
    await using seat = await sit(browser, scene.service)
    const { page, reads } = seat
    await page.goto(scene.service.origin + scene.path)
    await page.getByLabel('User name').fill(phone.user)
    await page.getByRole('button', { name: 'Ask my devices' }).click()
    await reads('Approve it on your device')
    const number = (await page.textContent('.code')) ?? ''
    await phone.client.approve(await scene.questionAt(phone), number)
    await reads('Your devices')
    expect(new URL(page.url()).pathname).toBe('/me')
    await page.reload()
    await reads('Your devices')
    expect(seat.complaints).toEqual([])
  })

  test('without script, and by keyboard alone: the page loads itself again', async () => {
    const phone = await scene.aPhone()
    await using seat = await sit(browser, scene.service, { javaScriptEnabled: false })
    const { page, reads } = seat
    await page.goto(scene.service.origin + scene.path)
    await page.keyboard.press('Tab')
    await page.keyboard.type(phone.user)
    await page.keyboard.press('Enter')
    await reads('Approve it on your device')
    const number = (await page.textContent('.code')) ?? ''
    await phone.client.approve(await scene.questionAt(phone), number)
    await reads('It is approved')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await reads('Your devices')
    expect(seat.complaints).toEqual([])
  })
})
