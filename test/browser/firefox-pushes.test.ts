// A real browser subscribes, and shows what is pushed to it.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Subscription } from '../../simulator/browsers.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { aPushTo, aVapidKey, vapidKey, webPushFor } from '../push/web-push/browser-pushes.ts'
import { serveAutopush } from '../support/autopush.ts'
import { type Firefox, startFirefox } from '../support/firefox.ts'
import { notRun, programOf } from '../support/programs.ts'
import { until } from '../support/until.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const firefox = programOf('firefox-esr', 'firefox')
if (!firefox) notRun('Firefox', 'firefox-esr', 'COUNTERSIGN_TEST_BROWSERS')

const worker = `
const tell = (report) => fetch('/report', { method: 'POST', body: JSON.stringify(report) })
self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(clients.claim()))
self.addEventListener('push', (event) => event.waitUntil((async () => {
  const { notification } = event.data.json()
  const { title, body, tag, data } = notification
  await self.registration.showNotification(title, { body, tag, data })
  const notifications = await self.registration.getNotifications()
  await tell({ data, titles: notifications.map((one) => one.title), bodies: notifications.map((one) => one.body) })
})()))`
const page = `
const tell = (report) => fetch('/report', { method: 'POST', body: JSON.stringify(report) })
try {
  const registration = await navigator.serviceWorker.register('/worker.js')
  await navigator.serviceWorker.ready
  await fetch('/connected')
  const text = '${vapidKey}'.replace(/-/g, '+').replace(/_/g, '/')
  const applicationServerKey = Uint8Array.from(atob(text), (one) => one.charCodeAt(0))
  const options = { userVisibleOnly: true, applicationServerKey }
  const subscription = await registration.pushManager.subscribe(options)
  await tell({ subscription: subscription.toJSON() })
} catch (error) {
  await tell({ fault: String(error) })
}`
type Report = {
  readonly fault?: string
  readonly subscription?: Subscription
  readonly data?: { readonly cid?: string; readonly kind?: string }
  readonly titles?: readonly string[]
  readonly bodies?: readonly string[]
}

describe.runIf(firefox)('Firefox', () => {
  const reports: Report[] = []
  let simulator: Simulator
  let server: Server
  let browser: Firefox
  let autopush: ReturnType<typeof serveAutopush>

  beforeAll(async () => {
    simulator = await startSimulator()
    server = createServer(async (request, response) => {
      const files: Record<string, [string, string]> = {
        '/worker.js': ['text/javascript', worker],
        '/page.js': ['text/javascript', page],
      }
      if (request.url === '/report') {
        reports.push(JSON.parse((await request.toArray()).join('')))
        response.end()
        return
      }
      // A subscription that is wanted while Firefox starts is lost, and never settles.
      if (request.url === '/connected') {
        await until('its push connection is open', () => autopush.isOpen(), 60_000)
      }
      const html = '<!doctype html><title>a</title><script type="module" src="/page.js"></script>'
      const [type, text] = files[request.url ?? ''] ?? ['text/html', html]
      response.writeHead(200, { 'content-type': type }).end(text)
    })
    autopush = serveAutopush(server, simulator)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const address = `http://127.0.0.1:${port}/`
    browser = await startFirefox(firefox ?? '', { pushPort: port, address })
  })
  afterAll(async () => {
    await browser[Symbol.asyncDispose]()
    autopush.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await simulator.close()
  })

  test('decrypts a push, shows its text, and shows the end of the question in its place', async () => {
    await until('it has subscribed', () => reports.length > 0, 90_000)
    const { subscription, fault } = reports[0] ?? {}
    expect(fault).toBeUndefined()
    if (!subscription) throw new Error('there is no subscription')
    expect(new URL(subscription.endpoint).hostname).toBe('updates.push.services.mozilla.com')
    const { endpoint, keys } = subscription
    const webPush = webPushFor(simulator)
    const prompt = aPushTo({ endpoint, keys }, { languages: ['nl'] })
    const { challengeId } = prompt
    expect((await webPush.send(prompt)).kind).toBe('accepted')
    await until('it has shown the question', () => reports.length === 2)
    expect(reports[1]).toMatchObject({
      titles: ['Aanmelding'],
      data: { cid: challengeId, kind: 'challenge_opened' },
    })
    await webPush.send(aPushTo({ endpoint, keys }, { kind: 'challenge_closed', challengeId }))
    await until('it has shown the end', () => reports.length === 3)
    expect(reports[2]).toMatchObject({ bodies: ['This sign-in request is over.'] })
    await until('it has acknowledged both', () => autopush.acknowledgements.length === 2)
    await webPush.drain()
  })

  test('is shown nothing of a push that is encrypted for another browser, or signed by another key', async () => {
    const [{ subscription } = {}] = reports
    if (!subscription) throw new Error('there is no subscription')
    const { endpoint, keys } = subscription
    const webPush = webPushFor(simulator)
    const [before, acknowledged] = [reports.length, autopush.acknowledgements.length]
    const { auth } = simulator.browsers.subscribe(vapidKey).keys
    expect((await webPush.send(aPushTo({ endpoint, keys: { ...keys, auth } }))).kind).toBe(
      'accepted',
    )
    await until('it has refused to read it', () => autopush.acknowledgements.length > acknowledged)
    // 101: it could not be decrypted.
    expect(autopush.acknowledgements.at(-1)).toMatchObject({ updates: [{ code: 101 }] })
    const another = aVapidKey()
    const impostor = webPushFor(simulator, { keys: { find: async () => another } })
    const forgery = aPushTo({ endpoint, keys }, { key: another.publicKey })
    expect((await impostor.send(forgery)).kind).toBe('misconfigured')
    const prompt = aPushTo({ endpoint, keys })
    await webPush.send(prompt)
    await until('it has shown the next one', () => reports.length > before)
    expect(reports.slice(before)).toMatchObject([{ data: { cid: prompt.challengeId } }])
    await Promise.all([webPush.drain(), impostor.drain()])
  })
})
