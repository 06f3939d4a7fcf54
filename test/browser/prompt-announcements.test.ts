// What a screen reader says of a prompt that goes on: events and two times, and nothing else.

import type { Browser, Page } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath } from '../../demo/chromium.ts'
import { fill } from '../../src/platform/texts/fill.ts'
import { type Language, languages, pluralOf, textsIn } from '../../src/platform/texts/texts.ts'
import type { PromptScene } from '../prompts/prompt-scene.ts'
import { notRun } from '../support/programs.ts'
import { until } from '../support/until.ts'
import { openForTests, sitAtPrompt } from './prompt-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

const live = '[role=status], [role=alert], [aria-live]'

/** Keeps all that live regions of this page say from now on. */
const listen = (page: Page) =>
  page.evaluate(`
    window.heard = []
    new MutationObserver((records) => {
      const regions = records.flatMap(({ target }) => {
        const element = target.nodeType === 1 ? target : target.parentElement
        return element?.closest('${live}') ?? []
      })
      window.heard.push(...[...new Set(regions)].map(({ textContent }) => textContent))
    }).observe(document.body, { subtree: true, childList: true, characterData: true })`)

/** Undefined where the page was loaded again. */
const heardOn = (page: Page) => page.evaluate('window.heard') as Promise<string[] | undefined>
const leftOn = async (page: Page) => {
  const [minutes = 0, seconds = 0] =
    (await page.locator('[data-left]').textContent())?.split(':').map(Number) ?? []
  return minutes * 60 + seconds
}

describe.runIf(executablePath)('a screen reader', () => {
  const ofFile = openForTests(executablePath)
  let scene: PromptScene
  let browser: Browser
  let clientId: string
  beforeAll(() => {
    ;({ scene, browser, clientId } = ofFile())
  })

  /** A page whose clock stands still until it is moved. */
  async function arriveAtStandingClock(language: Language) {
    const seat = await sitAtPrompt(browser, scene, { locale: language })
    const { page } = seat
    await page.clock.install()
    await seat.arrive(clientId, { claims: { oid: scene.stranger() } })
    await page.clock.pauseAt(Date.now() + 10_000)
    expect(await leftOn(page)).toBeGreaterThan(62)
    await listen(page)
    return { seat, page }
  }

  test.each(languages)(
    'hears of the time at 60 and at 15 seconds, once each: %s',
    async (language) => {
      const { seat, page } = await arriveAtStandingClock(language)
      await using _ = seat
      const { minuteLeft, secondsLeft } = textsIn(language).prompt
      const wait = async (seconds: number) => {
        await page.clock.runFor(((await leftOn(page)) - seconds) * 1000)
        expect(await leftOn(page)).toBe(seconds)
        return heardOn(page)
      }
      expect(await wait(61)).toEqual([])
      expect(await wait(60)).toEqual([minuteLeft])
      expect(await wait(16)).toEqual([minuteLeft])
      expect(await wait(15)).toEqual([minuteLeft, secondsLeft])
      expect(await wait(0)).toEqual([minuteLeft, secondsLeft])
      expect(seat.foreignHosts()).toEqual([])
    },
  )

  test('hears it, too, where the browser has skipped that very second', async () => {
    const { seat, page } = await arriveAtStandingClock('en')
    await using _ = seat
    await page.clock.fastForward(((await leftOn(page)) - 59) * 1000)
    expect(await heardOn(page)).toEqual([textsIn('en').prompt.minuteLeft])
  })

  test('hears nothing that is no longer true where the computer has slept', async () => {
    const { seat, page } = await arriveAtStandingClock('en')
    await using _ = seat
    await page.clock.fastForward(((await leftOn(page)) - 40) * 1000)
    expect(await heardOn(page)).toEqual([])
  })

  test.each(languages)(
    'hears once that the phone has it, and that a number was wrong: %s',
    async (language) => {
      const oid = scene.stranger()
      const phone = await scene.aPhone({ user: oid })
      await using seat = await sitAtPrompt(browser, scene, { locale: language })
      const { page } = seat
      await seat.arrive(clientId, { claims: { oid } })
      await listen(page)
      const { fetched } = textsIn(language).prompt
      const saidAt = (tries: number) => fill(pluralOf(language, fetched, tries), { tries })
      const question = await scene.questionAt(phone)
      const status = page.locator('[data-page]')
      const reads = (text: string) => until(text, async () => (await status.textContent()) === text)
      await reads(saidAt(3))
      const wrong = (await seat.number()) === '000000' ? '111111' : '000000'
      for (const tries of [2, 1]) {
        await phone.client.approve(question, wrong).catch(() => undefined)
        await reads(saidAt(tries))
      }
      expect(await heardOn(page)).toEqual([saidAt(3), saidAt(2), saidAt(1)])
      expect(seat.foreignHosts()).toEqual([])
    },
  )
})
