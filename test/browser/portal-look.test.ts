// Every page of the portal, in both languages and schemes, on a small phone and on a desk: readable
// and usable by everybody.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { type EntranceScene, openEntrance } from '../portal/entrance-scene.ts'
import { notRun } from '../support/programs.ts'
import { sit } from './authenticator-seat.ts'
import { axeFaultsOf, overflowOf, smallTargetsOf } from './page-faults.ts'
import { portalTour } from './portal-tour.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('every page of the portal', () => {
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

  const sizes = [
    [360, 640],
    [1280, 800],
  ] as const

  test.each([
    ['en', ['light', 'dark']],
    ['nl', ['dark', 'light']],
  ] as const)(
    'has no fault that axe finds, fits, and shows at once what it is for: %s, %s',
    async (language, schemes) => {
      const locale = language === 'en' ? 'en-GB' : 'nl-NL'
      await using seat = await sit(browser, scene.service, { locale })
      const { page } = seat
      const names: string[] = []
      const lookAt = async (name: string, at: 0 | 1, target?: string) => {
        const [width, height] = sizes[at]
        await page.setViewportSize({ width, height })
        await page.emulateMedia({ colorScheme: schemes[at] })
        const { LOOK } = process.env
        const number = String(names.length).padStart(2, '0')
        const file = `${LOOK}/portal-${language}-${width}-${number} ${name}.png`
        if (LOOK) await page.screenshot({ path: file, fullPage: true })
        const place = [name, width]
        expect.soft([place, await axeFaultsOf(page)]).toEqual([place, []])
        expect.soft([place, await overflowOf(page)]).toEqual([place, []])
        expect.soft([place, await smallTargetsOf(page)]).toEqual([place, []])
        if (target !== undefined) {
          const box = await page.locator(target).first().boundingBox()
          const bottom = (box?.y ?? Number.NaN) + (box?.height ?? 0)
          expect.soft([place, bottom <= height ? 'seen' : bottom]).toEqual([place, 'seen'])
        }
        await page.evaluate(`document.documentElement.dir = 'rtl'`)
        expect.soft([place, await overflowOf(page)]).toEqual([place, []])
        await page.evaluate(`document.documentElement.dir = 'ltr'`)
      }
      const look = async (name: string, target?: string) => {
        names.push(name)
        await lookAt(name, 1, target)
        await lookAt(name, 0, target)
      }
      await portalTour({ scene, page, language, user: `ada.${language}`, look })
      expect(names.length).toBeGreaterThan(28)
      expect(seat.complaints).toEqual([])
    },
    180_000,
  )
})
