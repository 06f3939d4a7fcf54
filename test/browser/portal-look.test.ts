// Every page of the portal, in both languages and schemes, on a small phone and on a desk: readable
// and usable by everybody.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { type EntranceScene, openEntrance } from '../portal/entrance-scene.ts'
import { notRun } from '../support/programs.ts'
import { sit } from './authenticator-seat.ts'
import { localeOf, looker, looks } from './look.ts'
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

  test.each(looks)(
    'has no fault that axe finds, fits, and shows at once what it is for: %s, %s, %s',
    async (...kind) => {
      const [language] = kind
      await using seat = await sit(browser, scene.service, { locale: localeOf(language) })
      const { page } = seat
      const { look, names } = looker(page, 'portal', kind)
      await portalTour({ scene, page, language, user: `ada.${language}`, look })
      expect(names.length).toBeGreaterThan(28)
      expect(seat.complaints).toEqual([])
    },
    180_000,
  )
})
