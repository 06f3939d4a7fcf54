// Every screen, in both languages and schemes, on a small phone and on a desk: readable and usable
// by everybody.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { authenticatorEn } from '../../src/platform/texts/authenticator/en.ts'
import { laterEn } from '../../src/platform/texts/authenticator/later-en.ts'
import { laterNl } from '../../src/platform/texts/authenticator/later-nl.ts'
import { authenticatorNl } from '../../src/platform/texts/authenticator/nl.ts'
import { notRun } from '../support/programs.ts'
import {
  type NamedService,
  sitWithPasskeys,
  startNamedService,
} from './authenticator-passkey-seat.ts'
import { sit } from './authenticator-seat.ts'
import { tour } from './authenticator-tour.ts'
import { axeFaultsOf, overflowOf, smallTargetsOf } from './page-faults.ts'

// Some thirty screens, each looked at in several ways.
vi.setConfig({ testTimeout: 180_000 })

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

const sizes = [
  [360, 640],
  [1280, 800],
] as const

describe.runIf(executablePath)('every screen of the authenticator', () => {
  let service: NamedService
  let browser: Browser

  beforeAll(async () => {
    service = await startNamedService()
    browser = await openChromium(executablePath ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await service?.[Symbol.asyncDispose]()
  })

  test.each([
    ['en', ['light', 'dark'], { ...authenticatorEn, ...laterEn }],
    ['nl', ['dark', 'light'], { ...authenticatorNl, ...laterNl }],
  ] as const)(
    'has no fault that axe finds, fits, and shows at once what it is for: %s, %s',
    async (tag, schemes, texts) => {
      await using seat = await sitWithPasskeys(browser, service, {
        locale: tag === 'en' ? 'en-GB' : 'nl-NL',
      })
      const { page } = seat
      const screens: string[] = []
      const lookAt = async (screen: string, at: 0 | 1, target: string) => {
        const [width, height] = sizes[at]
        await page.setViewportSize({ width, height })
        await page.emulateMedia({ colorScheme: schemes[at] })
        await page.evaluate('scrollTo(0, 0)')
        const { LOOK } = process.env
        const number = String(screens.length).padStart(2, '0')
        const file = `${LOOK}/${tag}-${width}-${number} ${screen}`
        if (LOOK) await page.screenshot({ path: `${file}.png` })
        if (LOOK) await page.screenshot({ path: `${file}, whole.png`, fullPage: true })
        const place = [screen, width]
        const boxes = await page.locator(target).all()
        const bottoms = await Promise.all(boxes.map((box) => box.boundingBox()))
        const bottom = Math.max(...bottoms.map((box) => (box ? box.y + box.height : Number.NaN)))
        expect.soft([place, bottom <= height ? 'seen' : bottom]).toEqual([place, 'seen'])
        // Axe cannot tell the contrast of what the answers cover: nothing in a tall window.
        await page.setViewportSize({ width, height: 2400 })
        expect.soft([place, await axeFaultsOf(page)]).toEqual([place, []])
        await page.setViewportSize({ width, height })
        expect.soft([place, await overflowOf(page)]).toEqual([place, []])
        expect.soft([place, await smallTargetsOf(page)]).toEqual([place, []])
        await page.evaluate(`document.documentElement.dir = 'rtl'`)
        expect.soft([place, await overflowOf(page)]).toEqual([place, []])
        if (LOOK) await page.screenshot({ path: `${file}, rtl.png` })
        await page.evaluate(`document.documentElement.dir = 'ltr'`)
      }
      const look = async (screen: string, target = 'h1') => {
        screens.push(screen)
        await lookAt(screen, 1, target)
        await lookAt(screen, 0, target)
      }
      await tour({ service, seat, texts, user: `ada.${tag}`, look })
      expect(screens.length).toBeGreaterThan(28)
      expect(await page.getAttribute('html', 'lang')).toBe(tag)
      expect(seat.complaints).toEqual([])
    },
  )

  test('so has the page of all components', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await using seat = await sit(browser, service, {
        colorScheme,
        viewport: { width: 360, height: 740 },
      })
      const { page, reads } = seat
      await page.goto(`${service.origin}/authenticator/components.html`)
      await reads('Components')
      const { LOOK } = process.env
      if (LOOK)
        await page.screenshot({ path: `${LOOK}/components-${colorScheme}.png`, fullPage: true })
      expect(await axeFaultsOf(page)).toEqual([])
      expect(await overflowOf(page)).toEqual([])
      expect(seat.complaints).toEqual([])
    }
  })
})
