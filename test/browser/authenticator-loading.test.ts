// What the authenticator loads, and that it opens without a network.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { notRun } from '../support/programs.ts'
import { type RunningService, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'
import { enrollBrowser, openEnrollment, sit } from './authenticator-seat.ts'
import { openBrowserThatSees } from './film.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

/** Bytes as they travel, of all that a person waits for. */
const firstLoadBytesMax = 40_000
const pageBytesMax = 10_000

describe.runIf(executablePath)('the authenticator', () => {
  let service: RunningService
  let browser: Browser

  beforeAll(async () => {
    service = await startTestService()
    browser = await openChromium(executablePath ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await service?.[Symbol.asyncDispose]()
  })

  test('is first shown after at most 40 kB, the reader of QR codes not among them', async () => {
    for (const locale of ['en-GB', 'nl-NL']) {
      await using seat = await sit(browser, service, { locale, serviceWorkers: 'block' })
      const { page } = seat
      const sizes = new Map<string, Promise<number>>()
      page.on('requestfinished', (request) => {
        const size = request.sizes().then(({ responseBodySize }) => responseBodySize)
        sizes.set(new URL(request.url()).pathname, size)
      })
      await page.goto(`${service.origin}/authenticator/`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.waitForLoadState('networkidle')
      const names = [...sizes.keys()]
      expect(names.filter((name) => name.endsWith('.js')).length).toBeGreaterThan(1)
      expect(names.filter((name) => /jsqr/i.test(name))).toEqual([])
      const pictures = names.filter((name) => !name.includes('/icons/'))
      const bytes = await Promise.all(pictures.map((name) => sizes.get(name)))
      expect(bytes.reduce<number>((sum, one) => sum + (one ?? 0), 0)).toBeLessThan(
        firstLoadBytesMax,
      )
    }
  })

  test('is led to by pages of at most 10 kB', async () => {
    const { userId } = await enrollOne('kim')
    const { json } = await service.api('POST', `/v1/users/${userId}/portal-sessions`)
    for (const address of [`${service.origin}/t/${service.tenantId}/enroll`, json.url]) {
      const page = await fetch(address, { headers: { accept: 'text/html' } })
      expect(page.status).toBe(200)
      expect((await page.arrayBuffer()).byteLength).toBeLessThan(pageBytesMax)
    }
  })

  async function enrollOne(user: string): Promise<{ userId: string }> {
    await using seat = await sit(browser, service)
    await enrollBrowser(service, seat, user)
    return { userId: await idOf(user) }
  }

  async function idOf(user: string): Promise<string> {
    const { json } = await service.api('GET', '/v1/users?limit=100')
    const users = json.items as { id: string; displayName: string }[]
    return String(users.find(({ displayName }) => displayName === user)?.id)
  }

  test('shows codes while the service is away, and has kept no answer of its API', async () => {
    await using seat = await sit(browser, service)
    const { page, reads } = seat
    await enrollBrowser(service, seat, 'lea')
    await page.evaluate('navigator.serviceWorker.ready')
    await page.reload()
    await reads('Requests')
    const cachedPaths = await page.evaluate(`(async () => {
      const names = await caches.keys()
      const lists = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()))
      return lists.flat().map(({ url }) => new URL(url).pathname)
    })()`)
    const paths = cachedPaths as string[]
    expect(paths.length).toBeGreaterThan(5)
    expect(paths.filter((one) => !one.startsWith('/authenticator/'))).toEqual([])
    await service.restart(async () => {
      await page.reload()
      await reads('Requests')
      await page.getByText('The service cannot be reached.').waitFor()
      await page.getByRole('button', { name: 'Codes' }).click()
      await page.getByText(/^\d{3} \d{3}$/).waitFor()
    })
    await page.reload()
    await reads('Requests')
    await page.getByText('Nothing is waiting.').waitFor()
  })

  test('keeps what windows of the version before load, and nothing older', async () => {
    await using seat = await sit(browser, service)
    const { page } = seat
    await page.goto(`${service.origin}/authenticator/`)
    const cacheNames = `(async () => {
      await navigator.serviceWorker.ready
      return (await caches.keys()).map((name) => name.slice(0, 20))
    })()`
    await page.evaluate(`(async () => {
      await navigator.serviceWorker.ready
      for (const version of ['older', 'former']) {
        const cache = await caches.open('countersign ' + version)
        await cache.put('/authenticator/assets/' + version + '.js', new Response(version))
      }
      await (await navigator.serviceWorker.getRegistration()).unregister()
    })()`)
    await page.reload()
    const names = ['countersign /authent', 'countersign former']
    await until('it is installed anew', async () => {
      return JSON.stringify(await page.evaluate(cacheNames)) === JSON.stringify(names)
    })
    await until('the worker answers', () => page.evaluate('!!navigator.serviceWorker.controller'))
    const read = (name: string) =>
      page.evaluate(`fetch('/authenticator/assets/${name}.js')
        .then(async (answer) => answer.ok && answer.text())`)
    expect(await read('former')).toBe('former')
    expect(await read('older')).toBe(false)
  })

  test('shows a code that a sign-in accepts, opened without a network', async () => {
    await using seat = await sit(browser, service)
    const { page, context, reads } = seat
    await enrollBrowser(service, seat, 'noor')
    await page.evaluate('navigator.serviceWorker.ready')
    await context.setOffline(true)
    await page.reload()
    await reads('Requests')
    await page.getByText('You are offline. Sign in with a code instead.').waitFor()
    await page.getByRole('button', { name: 'Show codes' }).click()
    const code = await page.getByText(/^\d{3} \d{3}$/).textContent()
    const userId = await idOf('noor')
    const { json } = await service.api('POST', `/v1/users/${userId}/passcodes/verify`, { code })
    expect(json).toMatchObject({ method: 'passcode' })
    expect(seat.complaints).toEqual([])
  })

  test('reads the QR code that the camera sees, and asks before it uses it', async () => {
    const { uri } = await openEnrollment(service, 'mia')
    const withCamera = await openBrowserThatSees(uri, executablePath ?? '')
    await using seat = await sit(withCamera, service)
    const { page, reads } = seat
    await page.goto(`${service.origin}/authenticator/`)
    await page.getByRole('button', { name: 'Scan a QR code' }).click()
    await page.getByText('A link wants to add an account').waitFor()
    await page.getByRole('button', { name: 'Use this browser' }).click()
    await reads('Is this you?')
    expect(seat.complaints).toEqual([])
  })
})
