// Every screen, in both languages and schemes, on a small phone: readable and usable by everybody.

import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
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

// Some thirty screens, each looked at in several ways.
vi.setConfig({ testTimeout: 180_000 })

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

type Violation = { readonly id: string; readonly nodes: readonly { readonly html: string }[] }

/** What axe finds on the page as it is. */
async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = (await page.evaluate('axe.run(document)')) as {
    readonly violations: readonly Violation[]
  }
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

/** What is cut off or must be scrolled to sideways. */
const overflow = (page: Page) =>
  page.evaluate(`(() => {
    const width = document.documentElement.clientWidth
    const wide = [...document.querySelectorAll('body *')].filter((one) => {
      const box = one.getBoundingClientRect()
      const isOutside = box.right > width + 1 || box.left < -1
      return box.width > 1 && one.className !== 'skip' && isOutside
    })
    return wide.map((one) => one.outerHTML.slice(0, 100))
  })()`)

/** Targets that are smaller than 44 px (WCAG 2.2, 2.5.5). */
const smallTargets = (page: Page) =>
  page.evaluate(`[...document.querySelectorAll('button, a.button, input, select')]
    .filter((one) => one.className !== 'skip' && one.getBoundingClientRect().height > 0)
    .filter((one) => one.getBoundingClientRect().height < 44)
    .map((one) => one.outerHTML.slice(0, 100))`)

const small = { width: 360, height: 740 }

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
    ['en', 'light', { ...authenticatorEn, ...laterEn }],
    ['nl', 'dark', { ...authenticatorNl, ...laterNl }],
  ] as const)(
    'has no fault that axe finds, and fits 360 px: %s, %s',
    async (tag, scheme, texts) => {
      await using seat = await sitWithPasskeys(browser, service, {
        locale: tag === 'en' ? 'en-GB' : 'nl-NL',
        colorScheme: scheme,
        viewport: small,
      })
      const { page } = seat
      const screens: string[] = []
      const look = async (screen: string) => {
        screens.push(screen)
        const { LOOK } = process.env
        const file = `${LOOK}/${tag}-${String(screens.length).padStart(2, '0')} ${screen}.png`
        if (LOOK) await page.screenshot({ path: file, fullPage: true })
        expect.soft([screen, await faultsOf(page)]).toEqual([screen, []])
        expect.soft([screen, await overflow(page)]).toEqual([screen, []])
        expect.soft([screen, await smallTargets(page)]).toEqual([screen, []])
        await page.evaluate(`document.documentElement.dir = 'rtl'`)
        expect.soft([screen, await overflow(page)]).toEqual([screen, []])
        if (LOOK) await page.screenshot({ path: file.replace('.png', ' rtl.png'), fullPage: true })
        await page.evaluate(`document.documentElement.dir = 'ltr'`)
        await page.setViewportSize({ width: 1280, height: 800 })
        expect.soft([screen, await overflow(page)]).toEqual([screen, []])
        if (LOOK) await page.screenshot({ path: file.replace('.png', ' wide.png') })
        await page.setViewportSize(small)
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
      expect(await faultsOf(page)).toEqual([])
      expect(await overflow(page)).toEqual([])
      expect(seat.complaints).toEqual([])
    }
  })
})
