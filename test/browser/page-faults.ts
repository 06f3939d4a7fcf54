// What keeps people from using a page: for tests that look at every page of a face.

import axe from 'axe-core'
import type { Page } from 'playwright-core'

type Violation = { readonly id: string; readonly nodes: readonly { readonly html: string }[] }

/** What axe finds on the page as it is, and what it could not decide. */
export async function axeFaultsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations, incomplete } = (await page.evaluate(
    `axe.run(document, { resultTypes: ['violations', 'incomplete'] })`,
  )) as Readonly<Record<'violations' | 'incomplete', readonly Violation[]>>
  const text = ({ id, nodes }: Violation) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`
  return [...violations, ...incomplete].map(text)
}

/** What is cut off or must be scrolled to sideways. */
export const overflowOf = (page: Page) =>
  page.evaluate(`(() => {
    const width = document.documentElement.clientWidth
    const wide = [...document.querySelectorAll('body *')].filter((one) => {
      const box = one.getBoundingClientRect()
      const isOutside = box.right > width + 1 || box.left < -1
      return box.width > 1 && one.className !== 'skip' && isOutside
    })
    return wide.map((one) => one.outerHTML.slice(0, 100))
  })()`)

/** Targets that are smaller than 44 px (WCAG 2.2, 2.5.5); a radio button has its label. */
export const smallTargetsOf = (page: Page) =>
  page.evaluate(`[...document.querySelectorAll('button, a.button, input, select')]
    .map((one) => (one.type === 'radio' ? one.closest('label') : one))
    .filter((one) => one.className !== 'skip' && one.getBoundingClientRect().height > 0)
    .filter((one) => one.getBoundingClientRect().height < 44)
    .map((one) => one.outerHTML.slice(0, 100))`)
