// Two windows side by side in one picture: no page may frame the authenticator.

import type { Browser } from 'playwright-core'

export type Scheme = 'light' | 'dark'

/** A picture of a page, and the address that its window shows. */
export type WindowPicture = { readonly address: string; readonly png: Buffer }

const colors = {
  light: { desk: '#dfe4ec', bar: '#ffffff', line: '#c9d1dc', ink: '#536073', field: '#eef1f5' },
  dark: { desk: '#05070a', bar: '#1d242e', line: '#38434f', ink: '#a5b1c2', field: '#11161d' },
} as const

const styleOf = ({ desk, bar, line, ink, field }: (typeof colors)[Scheme]) => `
  body { display: flex; gap: 20px; align-items: flex-start; box-sizing: border-box; margin: 0;
    width: max-content; padding: 20px; background: ${desk}; font: 14px/1 system-ui, sans-serif }
  figure { margin: 0; overflow: hidden; border: 1px solid ${line}; border-radius: 12px;
    background: ${bar} }
  figcaption { display: flex; gap: 7px; align-items: center; height: 40px; padding: 0 14px;
    border-bottom: 1px solid ${line}; color: ${ink} }
  i { width: 11px; height: 11px; border-radius: 50%; background: ${line} }
  span { flex: 1; margin-left: 8px; padding: 7px 14px; border-radius: 14px; background: ${field} }
  img { display: block }`

const figureOf = ({ address, png }: WindowPicture) => `<figure>
  <figcaption><i></i><i></i><i></i><span>${address}</span></figcaption>
  <img src="data:image/png;base64,${png.toString('base64')}"></figure>`

/** Draws the windows, from left to right. */
export async function drawWindows(
  browser: Browser,
  scheme: Scheme,
  windows: readonly WindowPicture[],
): Promise<Buffer> {
  const page = await browser.newPage()
  try {
    const style = `<style>${styleOf(colors[scheme])}</style>`
    await page.setContent(`<!doctype html>${style}${windows.map(figureOf).join('')}`)
    return await page.locator('body').screenshot()
  } finally {
    await page.close()
  }
}
