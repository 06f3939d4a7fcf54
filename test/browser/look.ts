// Looks at a page as people have it: on a desk and on a small phone, in both schemes, written to
// the left as well.

import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import type { Language } from '../../src/platform/texts/texts.ts'
import { axeFaultsOf, overflowOf, smallTargetsOf } from './page-faults.ts'

const sizes = [
  [1280, 800],
  [360, 640],
] as const

type Scheme = 'light' | 'dark'
type Look = readonly [language: Language, onDesk: Scheme, onPhone: Scheme]

/** Each language with the schemes in which its pages are looked at. */
export const looks: readonly Look[] = [
  ['en', 'dark', 'light'],
  ['nl', 'light', 'dark'],
]

export const localeOf = (language: Language) => (language === 'en' ? 'en-GB' : 'nl-NL')

/**
 * How the pages of one face are looked at: each must have no fault that axe finds, fit the window,
 * have targets to hit, and show at once what the person came for. With `LOOK`, pictures are left in
 * that folder.
 */
export function looker(page: Page, face: string, [language, ...schemes]: Look) {
  const names: string[] = []

  async function lookAt(name: string, at: 0 | 1, target?: string): Promise<void> {
    const [width, height] = sizes[at]
    await page.setViewportSize({ width, height })
    await page.emulateMedia({ colorScheme: schemes[at] })
    const { LOOK } = process.env
    const number = String(names.length).padStart(2, '0')
    const file = `${LOOK}/${face}-${language}-${width}-${number} ${name}.png`
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

  /** Looks at the page as it is; `target` must be seen without scrolling. */
  async function look(name: string, target?: string): Promise<void> {
    names.push(name)
    await lookAt(name, 0, target)
    await lookAt(name, 1, target)
  }

  return { look, names: names as readonly string[] }
}
