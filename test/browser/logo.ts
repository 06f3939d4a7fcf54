// A logo that browsers can show.

import type { Browser } from 'playwright-core'

/** A small PNG, drawn by the browser. */
export async function drawLogo(browser: Browser): Promise<Buffer> {
  const page = await browser.newPage({ viewport: { width: 96, height: 96 } })
  try {
    await page.setContent(`<style>body { margin: 0 }</style><svg viewBox="0 0 24 24">
      <path fill="#7a1fa2" d="M12 2 22 8v8l-10 6L2 16V8z"/>
      <path fill="#fff" d="M8 9h8v2H8zm0 4h8v2H8z"/></svg>`)
    return await page.screenshot()
  } finally {
    await page.close()
  }
}
