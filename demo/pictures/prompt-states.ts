// Pictures of one page in its states, in rows, each with a caption.

import type { Browser } from 'playwright-core'

export type Captioned = { readonly caption: string; readonly png: Buffer }

const perRowMax = 6

const styleOf = (perRow: number) => `
  body { display: grid; grid-template-columns: repeat(${perRow}, 288px); gap: 20px; margin: 0;
    width: max-content; padding: 20px; background: #dfe4ec; font: 600 16px/1.3 system-ui, sans-serif }
  figure { margin: 0 } figcaption { height: 30px; color: #536073 }
  img { display: block; width: 288px; border: 1px solid #c9d1dc; border-radius: 12px;
    box-sizing: border-box }`

const figureOf = ({ caption, png }: Captioned) => `<figure><figcaption>${caption}</figcaption>
  <img src="data:image/png;base64,${png.toString('base64')}"></figure>`

/** Draws them, from left to right. */
export async function drawStates(browser: Browser, states: readonly Captioned[]): Promise<Buffer> {
  const rows = Math.ceil(states.length / perRowMax)
  const style = styleOf(Math.ceil(states.length / rows))
  const page = await browser.newPage({ viewport: { width: 1900, height: 900 } })
  try {
    await page.setContent(`<!doctype html><style>${style}</style>${states.map(figureOf).join('')}`)
    return await page.locator('body').screenshot()
  } finally {
    await page.close()
  }
}
