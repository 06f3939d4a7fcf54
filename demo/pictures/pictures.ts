// The pictures of the documentation, as a script of people in front of a running demo.

import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { anyPorts } from '../free-port.ts'
import { startDemo } from '../running-demo.ts'
import { forget } from '../stack.ts'
import { toPalette } from './palette-png.ts'
import { openRequest, setUpInThisBrowser, signIn, typeNumber } from './people.ts'
import { takePromptPictures } from './prompt-pictures.ts'
import { drawWindows, type Scheme } from './two-windows.ts'

const pageSize = { width: 820, height: 692 }
const phoneSize = { width: 380, height: 692 }
const portalSize = { width: 820, height: 856 }

type Scene = {
  readonly browser: Browser
  readonly context: BrowserContext
  /** The sign-in page. */
  readonly page: Page
  readonly scheme: Scheme
  readonly keep: (name: string, png: Buffer) => Promise<void>
}

/**
 * Takes every picture into this folder, on an installation of its own that is removed afterwards.
 */
export async function takePictures(browser: Browser, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const keep = (name: string, png: Buffer) => writeFile(path.join(folder, name), toPalette(png))
  const home = await mkdtemp(path.join(tmpdir(), 'countersign-pictures-'))
  const demo = await startDemo(home, await anyPorts())
  const play = async (scheme: Scheme, scene: (scene: Scene) => Promise<void>) => {
    const context = await browser.newContext({
      viewport: pageSize,
      colorScheme: scheme,
      locale: 'en-GB',
      reducedMotion: 'reduce',
    })
    try {
      const page = await context.newPage()
      await page.goto(demo.pagesUrl)
      await scene({ browser, context, page, scheme, keep })
    } finally {
      await context.close()
    }
  }
  try {
    await play('light', (scene) => takeRequest(scene, 'ada', ''))
    await play('dark', (scene) => takeRequest(scene, 'bea', '-dark'))
    await play('light', (scene) => takePortal(scene, 'cleo'))
  } finally {
    await demo.stop()
    await forget(home)
  }
  await takePromptPictures(browser, keep)
}

/** The number that is typed: in the authenticator alone, and beside the page that shows it. */
async function takeRequest(scene: Scene, user: string, suffix: string): Promise<void> {
  const { browser, context, page, scheme, keep } = scene
  await signIn(page, user)
  const authenticator = await setUpInThisBrowser(context, page)
  await authenticator.setViewportSize(phoneSize)
  await openRequest(page, authenticator)
  await typeNumber(page, authenticator)
  const [computer, phone] = [await page.screenshot(), await authenticator.screenshot()]
  const windows = [
    { address: 'portal.larkfield.example', png: computer },
    { address: 'authenticator.larkfield.example', png: phone },
  ]
  await keep(`authenticator${suffix}.png`, phone)
  await keep(`demo${suffix}.png`, await drawWindows(browser, scheme, windows))
}

/** Where the company's link leads. */
async function takePortal({ context, page, keep }: Scene, user: string): Promise<void> {
  await signIn(page, user)
  const authenticator = await setUpInThisBrowser(context, page)
  await openRequest(page, authenticator)
  await typeNumber(page, authenticator)
  await authenticator.getByRole('button', { name: 'Approve' }).click()
  const [portal] = await Promise.all([
    context.waitForEvent('page'),
    page.getByRole('link', { name: 'Your sign-ins, devices and recovery codes' }).click(),
  ])
  await portal.setViewportSize(portalSize)
  await portal.locator('form button').first().click()
  await portal.locator('.devices').waitFor()
  await keep('portal.png', await portal.screenshot())
}
