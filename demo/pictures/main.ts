// Takes the pictures of the documentation: `npm run pictures`. Needs Chromium or Chrome.

import path from 'node:path'
import { chromiumPath, openChromium } from '../chromium.ts'
import { takePictures } from './pictures.ts'

async function main(): Promise<void> {
  const executablePath = chromiumPath()
  if (!executablePath) throw new Error('no Chromium found: name one in the variable CHROMIUM')
  const browser = await openChromium(executablePath)
  try {
    await takePictures(browser, path.resolve(import.meta.dirname, '../../docs/images'))
  } finally {
    await browser.close()
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
