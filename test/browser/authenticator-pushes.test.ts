// Notifications of the authenticator: the button that turns them on, and what its worker does.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { chromiumPath } from '../../demo/chromium.ts'
import { notRun } from '../support/programs.ts'
import { type RunningService, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'
import { enrollBrowser } from './authenticator-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('notifications of the authenticator', () => {
  let service: RunningService

  beforeAll(async () => {
    service = await startTestService()
  })
  afterAll(() => service?.[Symbol.asyncDispose]())

  /** A browser with a profile: one that forgets everything has no pushes. */
  async function sitDown() {
    const profile = await mkdtemp(path.join(tmpdir(), 'cs-chromium-'))
    onTestFinished(() => rm(profile, { recursive: true, force: true, maxRetries: 5 }))
    const context = await chromium.launchPersistentContext(profile, {
      ...(executablePath && { executablePath }),
      chromiumSandbox: process.getuid?.() !== 0,
      locale: 'en-GB',
    })
    onTestFinished(() => context.close())
    await context.grantPermissions(['notifications'], { origin: service.origin })
    const [page = await context.newPage()] = context.pages()
    const reads = (title: string | RegExp) =>
      page.getByRole('heading', { level: 1, name: title }).waitFor()
    return { context, page, reads }
  }

  /** Chromium subscribes at the service of its maker alone: here, at the simulator's. */
  async function stubSubscribe(page: Page): Promise<string> {
    const answer = await fetch(`${service.origin}/device/v1/web-push-key`)
    const { publicKey } = (await answer.json()) as { publicKey: string }
    const subscription = service.simulator.browsers.subscribe(publicKey, 'google')
    await page.evaluate(`
      globalThis.asked = []
      const text = '${publicKey}'.replaceAll('-', '+').replaceAll('_', '/')
      const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0))
      PushManager.prototype.subscribe = async (options) => {
        asked.push(options)
        return {
          options: { applicationServerKey: bytes.buffer },
          toJSON: () => (${JSON.stringify(subscription)}),
        }
      }`)
    return subscription.endpoint
  }

  /** The worker of the app, as the browser's own push connection reaches it. */
  async function pushTo(context: BrowserContext, page: Page) {
    const session = await context.newCDPSession(page)
    const registrations: string[] = []
    session.on('ServiceWorker.workerRegistrationUpdated', (event) => {
      for (const one of event.registrations) registrations.push(one.registrationId)
    })
    await session.send('ServiceWorker.enable')
    const registrationId = await until('the worker is registered', () => registrations[0])
    return (data: string) =>
      session.send('ServiceWorker.deliverPushMessage', {
        origin: service.origin,
        registrationId,
        data,
      })
  }

  const titlesOn = (page: Page) =>
    page.evaluate(`navigator.serviceWorker.ready.then(async (registration) =>
      (await registration.getNotifications()).map(({ title, tag }) => [title, tag].join(' ')))`)

  test('are registered for every account by the button, under the key of the service', async () => {
    const seat = await sitDown()
    const { page } = seat
    await enrollBrowser(service, seat, 'ada')
    await enrollBrowser(service, seat, 'bob')
    const endpoint = await stubSubscribe(page)
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByText('They are off').waitFor()
    await page.getByRole('button', { name: 'Turn on notifications' }).click()
    await page.getByText('This browser notifies you').waitFor()
    expect(await page.evaluate('asked')).toMatchObject([{ userVisibleOnly: true }])
    for (const user of ['ada', 'bob']) {
      await service.api('POST', '/v1/challenges', { user })
    }
    const pushes = () => service.simulator.browsers.pushesTo(endpoint)
    await until('both are pushed to', () => pushes().length === 2)
  })

  test('are offered where nobody has decided about them, and turned on from there', async () => {
    const seat = await sitDown()
    const { page, context } = seat
    await context.clearPermissions()
    await enrollBrowser(service, seat, 'dora')
    const endpoint = await stubSubscribe(page)
    await page.evaluate(`Notification.requestPermission = async () => 'granted'`)
    await page.getByRole('button', { name: 'Turn on notifications' }).click()
    await page.getByText('This browser notifies you').waitFor()
    await service.api('POST', '/v1/challenges', { user: 'dora' })
    await until('it is pushed to', () => service.simulator.browsers.pushesTo(endpoint).length === 1)
  })

  test('stay off with a reason where the person refuses, or no push service answers', async () => {
    const seat = await sitDown()
    const { page } = seat
    await enrollBrowser(service, seat, 'cleo')
    await page.evaluate(`
      globalThis.attempts = 0
      PushManager.prototype.subscribe = () => {
        attempts += 1
        return new Promise(() => undefined)
      }`)
    await page.getByRole('button', { name: 'Settings' }).click()
    const button = page.getByRole('button', { name: 'Turn on notifications' })
    await button.click()
    await page.getByText('The push service of this browser did not answer.').waitFor()
    expect(await page.evaluate('attempts')).toBe(2)
    await page.evaluate('Notification.requestPermission = async () => "denied"')
    await button.click()
    await page.getByText('The browser does not allow them.').waitFor()
    expect(await page.evaluate('attempts')).toBe(2)
    await page.evaluate('delete globalThis.PushManager')
    await page.getByRole('button', { name: 'Codes' }).click()
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByText('This browser has none').waitFor()
    expect(await button.count()).toBe(0)
  })

  test('are shown for whatever is pushed, and wake the open app; a click stays in the app', async () => {
    const seat = await sitDown()
    const { context, page } = seat
    await enrollBrowser(service, seat, 'edna')
    await page.getByText('Nothing is waiting.').waitFor()
    await page.evaluate('navigator.serviceWorker.ready')
    const push = await pushTo(context, page)
    // The app looks at once; what it does by itself has a time to wait.
    let looks = 0
    page.on('request', (request) => {
      if (request.url().endsWith('/device/v1/challenges')) looks += 1
    })
    const message = (title: string, navigate: string) =>
      JSON.stringify({ web_push: 8030, notification: { title, body: 'b', tag: 'chl_1', navigate } })
    await push(message('first', `${service.origin}/authenticator/`))
    await push(message('second', 'https://attacker.example/authenticator/'))
    await until(
      'the newest is in place',
      async () => JSON.stringify(await titlesOn(page)) === '["second chl_1"]',
    )
    for (const odd of ['', 'no JSON', '[]', '{"notification":{"title":7}}']) await push(odd)
    await until('something is shown', async () =>
      String(await titlesOn(page)).includes('Countersign countersign'),
    )
    await until('the app looks for requests', () => looks > 0)
    const [worker] = context.serviceWorkers()
    if (!worker) throw new Error('there is no worker')
    /** What a click on a notification does, with these windows open. */
    const clickOn = (navigate: string, ...windows: string[]) =>
      worker.evaluate(`(async () => {
        const data = { navigate: ${JSON.stringify(navigate)} }
        await registration.showNotification('third', { tag: 'third', data })
        const shown = () => registration.getNotifications({ tag: 'third' })
        const [notification] = await shown()
        const leadsTo = await new Promise((resolve) => {
          clients.openWindow = async (address) => resolve(address)
          clients.matchAll = async () => ${JSON.stringify(windows)}.map((url) => (
            { url, focus: async () => resolve('the window of ' + url) }
          ))
          dispatchEvent(new NotificationEvent('notificationclick', { notification }))
        })
        return [leadsTo, (await shown()).length]
      })()`)
    const home = '/authenticator/'
    for (const [navigate, address] of [
      [`${service.origin}/authenticator/?a=b`, `${service.origin}/authenticator/?a=b`],
      [`${service.origin}/authenticator/../v1/users`, home],
      [`${service.origin}/me`, home],
      ['https://attacker.example/authenticator/', home],
      ['javascript:alert(1)', home],
    ] as const) {
      expect(await clickOn(navigate), navigate).toEqual([address, 0])
    }
    // The receipt, which the service does not answer, delays no notification.
    const [did] = (await page.evaluate(`new Promise((resolve) => {
      indexedDB.open('countersign-authenticator').onsuccess = ({ target: { result } }) => {
        const keys = result.transaction('accounts').objectStore('accounts').getAllKeys()
        keys.onsuccess = () => resolve(keys.result)
      }
    })`)) as string[]
    await worker.evaluate(`globalThis.calls = []
      globalThis.fetch = (address) => {
        calls.push(address)
        return new Promise(() => undefined)
      }`)
    const data = { did, cid: 'chl_9', kind: 'challenge_opened' }
    await push(JSON.stringify({ notification: { title: 'fourth', tag: 'chl_9', data } }))
    // A notification waits for its icon, and a busy machine for that.
    const isShown = async () => String(await titlesOn(page)).includes('fourth chl_9')
    await until('it is shown', isShown, 30_000)
    await until('the receipt is on its way', async () =>
      String(await worker.evaluate('calls')).includes('/device/v1/challenges/chl_9/received'),
    )
    const windows = [`${service.origin}/me`, `${service.origin}/authenticator/`]
    expect(await clickOn('', ...windows)).toEqual([`the window of ${windows[1]}`, 0])
  })
})
