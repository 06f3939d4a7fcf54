// The pictures of a prompt: its states, side by side, and the one with the number.

import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser, Page } from 'playwright-core'
import type { DeviceClient } from '../../clients/device/src/device-client.ts'
import { anyPort } from '../free-port.ts'
import { forget, startStack } from '../stack.ts'
import { takeFirstDevicePictures } from './first-device-pictures.ts'
import {
  type Arrival,
  arrive,
  ask,
  callerOf,
  createClient,
  enrollPhone,
  questionAt,
} from './prompt-people.ts'
import { type Captioned, drawStates } from './prompt-states.ts'

/** Seconds for which a number is shown, where its time is to pass. */
const shortSeconds = 15
const usualSeconds = 120

type Scene = {
  /** A phone of a new user, and a page in front of their prompt. */
  begin(
    user: string,
    more?: Partial<Arrival>,
  ): Promise<{ readonly page: Page; readonly phone: DeviceClient }>
  readonly shortClientId: string
}

const reads = (page: Page, title: string) =>
  page.getByRole('heading', { level: 1, name: title }).waitFor()

type Act = (scene: Scene) => Promise<Page>

/** Each state, and how a page comes to it. */
const states: readonly (readonly [caption: string, act: Act])[] = [
  ['Nobody is asked before a press', async ({ begin }) => (await begin('ada')).page],
  [
    'Waiting for the phone',
    async ({ begin }) => {
      const { page } = await begin('bea')
      await ask(page)
      return page
    },
  ],
  [
    'The phone has it',
    async ({ begin }) => {
      const { page, phone } = await begin('cleo')
      await ask(page)
      await questionAt(phone)
      await page.getByText('Your phone has it.').waitFor()
      return page
    },
  ],
  [
    'The time of the number is over',
    ({ begin, shortClientId }) => endRounds(begin, shortClientId, 1),
  ],
  [
    'A code that does not count',
    async ({ begin }) => {
      const { page } = await begin('dan')
      await page.goto(`${page.url()}/code`)
      await page.getByLabel('Code').fill('123456')
      await page.keyboard.press('Enter')
      await page.getByRole('alert').waitFor()
      return page
    },
  ],
  [
    'A code that ends it',
    async ({ begin }) => {
      const { page } = await begin('kim')
      await page.goto(`${page.url()}/code`)
      await page.getByLabel('Code').fill('7K3Q-M9TX-2R8B-0VWD')
      await page.keyboard.press('Enter')
      await reads(page, 'Not with such a code')
      return page
    },
  ],
  [
    'Approved',
    async ({ begin }) => {
      const { page, phone } = await begin('eve', { javaScriptEnabled: false })
      const number = await ask(page)
      await phone.approve(await questionAt(phone), number)
      await reads(page, 'Confirmed')
      return page
    },
  ],
  ['Denied', ({ begin }) => answer(begin, 'fay', 'deny', 'It was not approved')],
  [
    'Reported as somebody else',
    ({ begin }) => answer(begin, 'gus', 'report', 'Your organisation has been told'),
  ],
  [
    'Called off on the page',
    async ({ begin }) => {
      const { page } = await begin('hal')
      await page.getByRole('button', { name: 'Not you? Go back' }).click()
      await reads(page, 'It was called off')
      return page
    },
  ],
  ['Nobody answered', ({ begin, shortClientId }) => endRounds(begin, shortClientId, 2)],
]

async function answer(
  begin: Scene['begin'],
  user: string,
  act: 'deny' | 'report',
  title: string,
): Promise<Page> {
  const { page, phone } = await begin(user)
  await ask(page)
  await phone[act](await questionAt(phone))
  await reads(page, title)
  return page
}

/** Lets the time of so many numbers pass. */
async function endRounds(begin: Scene['begin'], clientId: string, rounds: 1 | 2): Promise<Page> {
  const { page } = await begin(`ivy.${rounds}`, { clientId })
  await ask(page)
  const again = page.getByRole('button', { name: 'Ask again' })
  await again.waitFor()
  if (rounds === 1) return page
  await again.click()
  await reads(page, 'Nobody answered in time')
  return page
}

/** Takes the pictures, on an installation of its own that is removed afterwards. */
export async function takePromptPictures(
  browser: Browser,
  keep: (name: string, png: Buffer) => Promise<void>,
): Promise<void> {
  const home = await mkdtemp(path.join(tmpdir(), 'countersign-prompts-'))
  const stack = await startStack(home, await anyPort(), { relyingParty: 'first' })
  try {
    const { account } = stack
    const call = callerOf(account)
    await call('PUT', '/v1/branding', {
      displayName: 'Larkfield',
      accent: { light: '#0b6456', dark: '#8fdcc9' },
      help: ['No phone? Call 1234, from 9 to 17.'],
      logo: (await drawLogo(browser)).toString('base64'),
    })
    const clientId = await createClient(call, account, usualSeconds)
    const shortClientId = await createClient(call, account, shortSeconds)
    const begin: Scene['begin'] = async (user, more = {}) => {
      const phone = await enrollPhone(call, user)
      return { phone, page: await arrive(browser, account, { clientId, user, ...more }) }
    }
    const shots = await Promise.all(
      states.map(async ([caption, act]): Promise<Captioned> => {
        const page = await act({ begin, shortClientId })
        const png = await page.screenshot()
        await page.context().close()
        return { caption, png }
      }),
    )
    const [, waiting] = shots
    if (waiting) await keep('prompt.png', waiting.png)
    await keep('prompt-states.png', await drawStates(browser, shots))
    const firstDevice = await takeFirstDevicePictures(browser, account, call)
    await keep('prompt-first-device.png', await drawStates(browser, firstDevice))
  } finally {
    await stack.stop()
    await forget(home)
  }
}

/** The logo of the demo's company, as a PNG. */
async function drawLogo(browser: Browser): Promise<Buffer> {
  const svg = await readFile(path.resolve(import.meta.dirname, '../web/larkfield.svg'), 'utf8')
  const page = await browser.newPage({ viewport: { width: 96, height: 96 } })
  try {
    await page.setContent(`<style>body { margin: 0 } svg { display: block }</style>${svg}`)
    return await page.screenshot()
  } finally {
    await page.close()
  }
}
