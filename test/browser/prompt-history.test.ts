// A prompt in browsers that go their own ways: pages from memory, a second tab, no script.

import type { Browser } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath } from '../../demo/chromium.ts'
import type { PromptScene } from '../prompts/prompt-scene.ts'
import { notRun } from '../support/programs.ts'
import { until } from '../support/until.ts'
import { openForTests, sitAtPrompt } from './prompt-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('a person whom Entra sends', () => {
  const ofFile = openForTests(executablePath)
  let scene: PromptScene
  let browser: Browser
  let clientId: string
  beforeAll(() => {
    ;({ scene, browser, clientId } = ofFile())
  })

  async function aPerson() {
    const oid = scene.stranger()
    return { phone: await scene.aPhone({ user: oid }), hint: { claims: { oid } } }
  }

  test('goes back past the prompt that led on by itself, and nobody is asked again', async () => {
    const { phone, hint } = await aPerson()
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId, hint)
    await phone.client.approve(await scene.questionAt(phone), await seat.number())
    await seat.reads('Entra: signed in')
    await seat.page.goBack()
    await seat.reads('Entra')
    expect((await phone.client.pending()).requests).toEqual([])
    expect(seat.answers).toEqual(['signed in'])
  })

  test('goes back to the end of a prompt that was denied: no number, no question', async () => {
    const { phone, hint } = await aPerson()
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId, hint)
    await phone.client.deny(await scene.questionAt(phone))
    await seat.reads('It was not approved')
    await seat.page.click('button')
    await seat.reads('Entra: error: access_denied')
    await seat.page.goBack()
    await seat.reads('It was not approved')
    expect(await seat.page.locator('.code').count()).toBe(0)
    expect((await phone.client.pending()).requests).toEqual([])
    expect(seat.answers).toEqual(['error: access_denied'])
  })

  test('sees no number of the past on a page that the browser kept in memory', async () => {
    const { hint } = await aPerson()
    await using seat = await sitAtPrompt(browser, scene)
    // A kept page follows nothing.
    await seat.context.route('**/events', (route) => route.abort())
    await seat.arrive(clientId, hint)
    await seat.number()
    const { pathname } = new URL(seat.page.url())
    await scene.query(
      `update prompts set outcome = 'cancelled', ended_at = clock_timestamp(),
         number_sealed = null where id = $1`,
      [pathname.split('/').at(-1)],
    )
    // This Chromium keeps none, so the event of one that was kept is sent by hand.
    await seat.page.evaluate(
      `dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))`,
    )
    await seat.reads('It was called off')
  })

  test('has two tabs open when the phone approves, and Entra gets one and the same answer', async () => {
    const { phone, hint } = await aPerson()
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId, hint)
    const tab = await seat.context.newPage()
    await tab.goto(seat.page.url())
    await phone.client.approve(await scene.questionAt(phone), await seat.number(tab))
    for (const page of [seat.page, tab]) await seat.reads(/^(Entra: signed in|Confirmed)$/, page)
    await until('Entra has the answer', () => seat.answers.length > 0)
    expect(new Set(seat.answers)).toEqual(new Set(['signed in']))
  })

  describe('without script', () => {
    test('learns by itself that the phone has it, asks for another number, and reads the end', async () => {
      const { phone, hint } = await aPerson()
      await using seat = await sitAtPrompt(browser, scene, { javaScriptEnabled: false })
      await seat.arrive(clientId, hint)
      const number = await seat.number()
      expect(await seat.page.locator('[data-left]').textContent()).toMatch(/\d\d:\d\d/)
      await scene.questionAt(phone)
      await seat.page.getByText(/^Your phone has it\./).waitFor()
      await seat.page.getByRole('button', { name: 'Show a new number' }).click()
      await until('another number', async () => (await seat.number()) !== number)
      const question = await until('the new question', async () =>
        (await phone.client.pending()).requests.at(-1),
      )
      await phone.client.deny(question)
      await seat.reads('It was not approved')
      await seat.page.click('button')
      await seat.reads('One moment')
      await seat.page.click('button')
      await seat.reads('Entra: error: access_denied')
      expect(seat.foreignHosts()).toEqual([])
    })

    test('types a code, which a page that loads itself again does not take away', async () => {
      const { hint } = await aPerson()
      await using seat = await sitAtPrompt(browser, scene, { javaScriptEnabled: false })
      await seat.arrive(clientId, hint)
      await seat.page.getByText('My phone is not with me').click()
      await seat.page.getByRole('link', { name: 'Type a code' }).click()
      expect(await seat.page.locator('meta[http-equiv=refresh]').count()).toBe(0)
      await seat.page.getByLabel('Code').fill('12345678')
      await seat.page.keyboard.press('Enter')
      await seat.page.getByRole('alert').waitFor()
      await seat.page.getByRole('link', { name: 'Back to the number' }).click()
      await seat.reads('Confirm it is you')
      await seat.page.getByRole('button', { name: 'Not you? Go back' }).click()
      await seat.reads('It was called off')
    })
  })
})
