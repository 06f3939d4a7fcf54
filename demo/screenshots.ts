// Takes the screenshots of the documentation: `npm run pictures`, with Chromium or Chrome on this
// machine (or named in CHROMIUM).

import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser, FrameLocator, Page } from 'playwright-core'
import { chromiumPath, openChromium } from './chromium.ts'
import { anyPorts } from './free-port.ts'
import { startDemo } from './running-demo.ts'
import { forget } from './stack.ts'

const pictures = path.resolve(import.meta.dirname, '..', 'docs', 'images')
const size = { width: 1280, height: 800 }

type Scene = { readonly page: Page; readonly computer: FrameLocator; readonly phone: FrameLocator }

async function main(): Promise<void> {
  await mkdir(pictures, { recursive: true })
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-pictures-'))
  const demo = await startDemo(folder, await anyPorts())
  try {
    await using browser = await openBrowser()
    await takeRequest(await openScene(browser, demo.pagesUrl, 'light'), 'ada', 'demo.png')
    await takeRequest(await openScene(browser, demo.pagesUrl, 'dark'), 'bea', 'demo-dark.png')
    await takeLostPhone(await openScene(browser, demo.pagesUrl, 'light'), 'dora', 'lost-phone.png')
  } finally {
    await demo.stop()
    await forget(folder)
  }
}

function openBrowser(): Promise<Browser> {
  const executablePath = chromiumPath()
  if (!executablePath) throw new Error('no Chromium found: name one in the variable CHROMIUM')
  return openChromium(executablePath)
}

async function openScene(
  browser: Browser,
  url: string,
  colorScheme: 'light' | 'dark',
): Promise<Scene> {
  const context = await browser.newContext({ viewport: size, colorScheme, reducedMotion: 'reduce' })
  const page = await context.newPage()
  await page.goto(url)
  const phone = page.frameLocator('.phone').first()
  return { page, computer: page.frameLocator('#computer'), phone }
}

/** The screenshot next to the text "type this number on your phone". */
async function takeRequest(scene: Scene, user: string, name: string): Promise<void> {
  const { computer, phone, page } = scene
  await signIn(scene, user)
  await addPhone(scene, phone)
  await phone.getByRole('button', { name: 'Open' }).click()
  await phone.getByLabel('Number on the sign-in page').fill(await shownNumber(computer))
  await computer.getByText('Shown on the phone').waitFor()
  await page.screenshot({ path: path.join(pictures, name) })
}

/** A second phone that is lost, unregistered by the first one, and then rejected. */
async function takeLostPhone(scene: Scene, user: string, name: string): Promise<void> {
  const { computer, phone, page } = scene
  await signIn(scene, user)
  await addPhone(scene, phone)
  await phone.getByRole('button', { name: 'Open' }).click()
  await approve(phone, await shownNumber(computer))
  await computer.getByRole('button', { name: 'Add a phone' }).click()
  await page.getByRole('button', { name: 'Second phone' }).click()
  const second = page.frameLocator('.phone').nth(1)
  await addPhone(scene, second)
  await computer.getByText('My Android').waitFor()
  await computer.getByRole('button', { name: 'Sign out' }).click()
  await phone.getByRole('button', { name: 'Done' }).click()
  await signIn(scene, user)
  await second.getByRole('button', { name: 'Open' }).click()
  await second.getByRole('button', { name: 'Lost' }).click()
  await phone.getByRole('button', { name: 'Open' }).click()
  await phone.getByRole('button', { name: 'Back' }).click()
  await phone.getByRole('button', { name: 'Phones' }).click()
  await phone.getByRole('button', { name: 'Unregister' }).click()
  await phone.getByRole('button', { name: 'It’s me' }).click()
  await phone.getByText('this phone').waitFor()
  await approve(second, await shownNumber(computer))
  await second.getByText('This phone was unregistered').waitFor()
  await computer.getByText('Unregistered', { exact: true }).waitFor()
  await page.screenshot({ path: path.join(pictures, name) })
}

async function signIn({ computer }: Scene, user: string): Promise<void> {
  await computer.getByLabel('Name').fill(user)
  await computer.getByLabel('Password').fill('any')
  await computer.getByRole('button', { name: 'Sign in' }).click()
}

async function addPhone({ computer }: Scene, phone: FrameLocator): Promise<void> {
  await phone.getByRole('button', { name: 'Scan code' }).click()
  await phone.getByLabel('Number on the sign-in page').fill(await shownNumber(computer))
  await phone.getByRole('button', { name: 'Add this phone' }).click()
}

async function approve(phone: FrameLocator, number: string): Promise<void> {
  await phone.getByLabel('Number on the sign-in page').fill(number)
  await phone.getByRole('button', { name: 'Approve' }).click()
  await phone.getByRole('button', { name: 'It’s me' }).click()
}

async function shownNumber(computer: FrameLocator): Promise<string> {
  return ((await computer.locator('.number .for-ears').textContent()) ?? '').replaceAll(' ', '')
}

await main()
