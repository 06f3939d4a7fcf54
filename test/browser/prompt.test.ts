// A sign-in of Entra in a real browser: its form, our page, a phone, and back.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { openPrompts, type PromptScene } from '../prompts/prompt-scene.ts'
import { notRun } from '../support/programs.ts'
import { until } from '../support/until.ts'
import { sitAtPrompt } from './prompt-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('a person whom Entra sends', () => {
  let scene: PromptScene
  let browser: Browser
  let clientId: string
  let phone: Awaited<ReturnType<PromptScene['aPhone']>>

  beforeAll(async () => {
    scene = await openPrompts()
    clientId = await scene.ofEntra()
    phone = await scene.aPhone()
    browser = await openChromium(executablePath ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await scene?.[Symbol.asyncDispose]()
  })

  const wrongFor = (number: string) => (number === '000000' ? '111111' : '000000')

  test('types the number on the phone and is signed in, without a press on the page', async () => {
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId)
    await seat.reads('Confirm it is you')
    await phone.client.approve(await scene.questionAt(phone), await seat.number())
    await seat.reads('Entra: signed in')
    expect(seat.answers).toEqual(['signed in'])
    expect(seat.foreignHosts()).toEqual([])
  })

  test('comes back by the button of the browser, and is neither asked nor sent away again', async () => {
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId)
    const address = seat.page.url()
    await phone.client.approve(await scene.questionAt(phone), await seat.number())
    await seat.reads('Entra: signed in')
    await seat.page.goto(address)
    await seat.reads('Confirmed')
    expect((await phone.client.pending()).requests).toEqual([])
    expect(seat.page.url()).toBe(address)
  })

  test('signs in without script: the page loads itself again, and a button leads on', async () => {
    await using seat = await sitAtPrompt(browser, scene, { javaScriptEnabled: false })
    await seat.arrive(clientId)
    await phone.client.approve(await scene.questionAt(phone), await seat.number())
    await seat.reads('Confirmed')
    await seat.page.click('button')
    await seat.reads('One moment')
    await seat.page.click('button')
    await seat.reads('Entra: signed in')
    expect(seat.foreignHosts()).toEqual([])
  })

  test('reads events in one status line, which changes at nothing else', async () => {
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId)
    const status = seat.page.locator('[data-page]')
    expect(await status.textContent()).toBe('Waiting for your phone.')
    const question = await scene.questionAt(phone)
    await seat.page.getByText(/^Your phone has it\. \d tries are left\.$/).waitFor()
    const before = await status.textContent()
    await phone.client.approve(question, wrongFor(await seat.number())).catch(() => undefined)
    await until('the tries go down', async () => (await status.textContent()) !== before)
    expect(await seat.page.locator('[data-left]').textContent()).toMatch(/^\d:\d\d$/)
    await phone.client.deny(question)
    await seat.reads('It was not approved')
    await seat.page.click('button')
    await seat.reads('Entra: error: access_denied')
    expect(seat.foreignHosts()).toEqual([])
  })

  test('says on the phone that it was somebody else, and reads what to do', async () => {
    const oid = scene.stranger()
    const own = await scene.aPhone({ user: oid })
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId, { claims: { oid } })
    await own.client.report(await scene.questionAt(own))
    await seat.reads('Your organisation has been told')
    await seat.page.getByText('Change your password').waitFor()
    await seat.page.click('button')
    await seat.reads('Entra: error: access_denied')
  })

  test('types wrong numbers until it is over', async () => {
    const oid = scene.stranger()
    const own = await scene.aPhone({ user: oid })
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId, { claims: { oid } })
    const question = await scene.questionAt(own)
    const wrong = wrongFor(await seat.number())
    for (let at = 0; at < 3; at++) {
      await own.client.approve(question, wrong).catch(() => undefined)
    }
    await seat.reads('It was not approved')
  })

  test('sees in a second tab the same number, and is asked once', async () => {
    const oid = scene.stranger()
    const own = await scene.aPhone({ user: oid })
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId, { claims: { oid } })
    const tab = await seat.context.newPage()
    await tab.goto(seat.page.url())
    expect(await seat.number(tab)).toBe(await seat.number())
    await scene.questionAt(own)
    expect((await own.client.pending()).requests).toHaveLength(1)
    await seat.page.getByRole('button', { name: 'Not you? Go back' }).click()
    await seat.reads('It was called off')
    await seat.reads('It was called off', tab)
  })

  test('sends the link to somebody else, who finds nothing there', async () => {
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId)
    await using other = await sitAtPrompt(browser, scene)
    const answer = await other.page.goto(seat.page.url())
    expect(answer?.status()).toBe(404)
    await other.reads('There is nothing here')
    await seat.page.getByRole('button', { name: 'Not you? Go back' }).click()
    await seat.reads('It was called off')
  })

  test('asks for one more number when the time is over, and gets an end after that', async () => {
    const oid = scene.stranger()
    const own = await scene.aPhone({ user: oid })
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId, { claims: { oid } })
    await scene.questionAt(own)
    const pass = () =>
      scene.query(`update prompts set round_until = clock_timestamp() where id = $1`, [
        new URL(seat.page.url()).pathname.split('/').at(-1),
      ])
    await pass()
    await seat.page.getByRole('button', { name: 'Ask again' }).click()
    await seat.page.locator('.code').waitFor()
    await pass()
    await seat.reads('Nobody answered in time')
    await seat.page.click('button')
    await seat.reads('Entra: error: access_denied')
  })

  test('goes back to the number from the code, which a wrong one leaves as it was', async () => {
    const oid = scene.stranger()
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId, { claims: { oid } })
    const number = await seat.number()
    await seat.page.getByText('My phone is not with me').click()
    await seat.page.getByRole('link', { name: 'Type a code' }).click()
    await seat.page.getByLabel('Code').fill('12345678')
    await seat.page.keyboard.press('Enter')
    await seat.page.getByRole('alert').waitFor()
    await seat.page.getByRole('link', { name: 'Back to the number' }).click()
    await seat.reads('Confirm it is you')
    expect(await seat.number()).toBe(number)
    expect(seat.foreignHosts()).toEqual([])
  })
})
