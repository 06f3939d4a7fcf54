import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const usualPaths = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/**
 * Chromium or Chrome of this machine, or the one that CHROMIUM names; undefined when there is none.
 */
export function chromiumPath(): string | undefined {
  return process.env.CHROMIUM ?? usualPaths.find((file) => existsSync(file))
}

/** A browser without a window. */
export function openChromium(executablePath: string): Promise<Browser> {
  // Chromium refuses its sandbox to root.
  return chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 })
}
