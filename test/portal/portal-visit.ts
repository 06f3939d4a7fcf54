// A visit to the portal: a service, links to it, and a browser.

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { DeviceClient } from '../../clients/device/src/device-client.ts'
import { claimEnrollment, readEnrollmentUri } from '../../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import type { RunningService } from '../support/running-service.ts'

/** A link to the portal for a user. */
async function linkFor({ api }: RunningService, userId: string): Promise<string> {
  const link = await api('POST', `/v1/users/${userId}/portal-sessions`)
  if (link.status !== 201) throw new Error(link.text)
  return link.json.url
}

/** A page in a browser without script; what its console says is collected. */
export async function sitDown(browser: Browser, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ javaScriptEnabled: false, ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  return { page, context, complaints, [Symbol.asyncDispose]: () => context.close() }
}

/** Opens a fresh link of the user in the browser; the page is then that of the devices. */
export async function visit(
  service: RunningService,
  page: Page,
  userId: string,
  query = '',
): Promise<void> {
  await page.goto((await linkFor(service, userId)) + query)
  await Promise.all([page.waitForURL('**/me'), page.click('form button')])
}

/** The heading of the page, without the isolates around names. */
export const headingOf = async (page: Page) =>
  (await page.textContent('h1'))?.replace(/[\u2066-\u2069]/g, '')

/** A new phone that a person types this code and name on; it waits for its number. */
export async function phoneByTypedCode(
  { origin, tenantId }: RunningService,
  code: string,
  user: string,
): Promise<DeviceClient> {
  const place = readEnrollmentUri(`${origin}/t/${tenantId}/enroll#${'A'.repeat(43)}`)
  if (!place) throw new Error('no place')
  const keys = await createDeviceKeys({ verification: true })
  const device = { name: 'New phone', model: 'M', osVersion: '1', appVersion: '1.0.0' }
  const account = await claimEnrollment({
    ticket: { ...place, code, user },
    keys,
    appId: 'com.example.app',
    device: { ...device, platform: 'web' },
  })
  return new DeviceClient({ account, keys })
}

/** The cookie of a session, by a fresh link: what a thief of it would have. */
export async function cookieFor(service: RunningService, userId: string): Promise<string> {
  const answer = await fetch(await linkFor(service, userId), {
    method: 'POST',
    headers: { 'sec-fetch-site': 'same-origin' },
    redirect: 'manual',
  })
  const cookie = answer.headers.get('set-cookie')?.split(';')[0]
  if (!cookie) throw new Error(await answer.text())
  return cookie
}
