// The button of the enrollment page, in a browser.

import { describe, expect, onTestFinished, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { anApp, anId } from '../platform/http/fixtures.ts'
import { notRun } from '../support/programs.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium')
const path = `/t/${anId('tenant')}/enroll`
const code = 'A'.repeat(43)

/** Opens the page at this path with a code, and presses its button. */
async function pressAt(spelling: string, { javaScriptEnabled = true } = {}) {
  const app = await anApp({}, { linkedApps: [{ appleId: 'ABCDE12345.com.example.auth' }] })
  onTestFinished(() => app.close())
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  const browser = await openChromium(executablePath ?? '')
  onTestFinished(() => browser.close())
  const context = await browser.newContext({ javaScriptEnabled })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  await page.goto(`${address}${spelling}#${code}`)
  const [tab] = await Promise.all([
    context.waitForEvent('page'),
    page.getByText('Open the app', { exact: true }).click(),
  ])
  await tab.waitForLoadState()
  return { tab, place: tab.url().slice(address.length), complaints }
}

describe.skipIf(!executablePath)('the button of the enrollment page', () => {
  test.each([
    ['the address', path],
    ['the address of printed codes', path.slice(0, -1)],
  ])('leads from %s to the address that apps open, code included', async (_, spelling) => {
    const { place, complaints } = await pressAt(spelling)
    expect(place).toBe(`${path}#${code}`)
    expect(complaints).toEqual([])
  })

  test('opens a tab that knows neither the page before it nor its address', async () => {
    const { tab } = await pressAt(path)
    expect(await tab.evaluate('[window.opener, document.referrer]')).toEqual([null, ''])
  })

  test('works without script, and then leaves the code to the person', async () => {
    const { place } = await pressAt(path, { javaScriptEnabled: false })
    expect(place).toBe(path)
  })
})
