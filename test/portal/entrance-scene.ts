// A service whose users may enter the portal by a device of their own, and browsers that do.

import type { DeviceClient } from '../../clients/device/src/device-client.ts'
import { onServer } from '../support/cluster.ts'
import {
  enrollPhone,
  type Phone,
  type PhoneOptions,
  type RunningService,
  startTestService,
} from '../support/running-service.ts'
import { until } from '../support/until.ts'

/** A browser that keeps its cookies and follows no redirect. */
export function aBrowser({ origin }: RunningService) {
  const jar = new Map<string, string>()
  async function send(path: string, init: RequestInit = {}, site = 'same-origin') {
    const answer = await fetch(origin + path, {
      ...init,
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        'sec-fetch-site': site,
        cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
      },
    })
    for (const cookie of answer.headers.getSetCookie()) {
      const [name = '', value = ''] = cookie.split(';')[0]?.split('=') ?? []
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
    const { status, headers } = answer
    return { status, headers, text: await answer.text() }
  }
  return {
    jar,
    read: (path: string, site?: string) => send(path, {}, site),
    post: (path: string, fields: Record<string, string> = {}, site?: string) =>
      send(path, { method: 'POST', body: new URLSearchParams(fields) }, site),
  }
}

export type Browser = ReturnType<typeof aBrowser>

/** The number on the page that waits. */
export async function numberOf(browser: Browser): Promise<string> {
  const { text } = await browser.read('/me/waiting')
  const [, number] = /class="code">(\d+)</.exec(text) ?? []
  if (number === undefined) throw new Error(text)
  return number
}

export type EntranceScene = Awaited<ReturnType<typeof openEntrance>>

/** A service whose policy lets people in without a link. */
export async function openEntrance() {
  const service = await startTestService({ metricsToken: 'm' })
  const { api, database } = service
  const policy = await api('PATCH', '/v1/policy', { portalSignIn: 'link_or_device' })
  if (policy.status !== 200) throw new Error(policy.text)
  const parties = await api('GET', '/v1/relying-parties')
  const path = `/t/${service.tenantId}/me/sign-in/${parties.json.items[0].id}`
  const query = <Row>(text: string, values: readonly unknown[] = []) =>
    onServer(database.url, async (client) => (await client.query(text, [...values])).rows as Row[])
  let users = 0

  /** A new user with a phone that has been theirs for so many hours. */
  async function aPhone({ hours = 25, ...options }: PhoneOptions & { hours?: number } = {}) {
    const user = options.user ?? `user.${++users}`
    const phone = await enrollPhone(service, { ...options, user })
    await query(
      `update devices set activated_at = clock_timestamp() - interval '${hours} hours'
       where id = $1`,
      [phone.deviceId],
    )
    return { ...phone, user }
  }

  /** Begins to sign in under this name, and waits until nobody is left to be asked. */
  async function begin(name: string, browser = aBrowser(service)) {
    const answer = await browser.post(path, { name })
    return { browser, answer }
  }

  /** The question that the phone has. */
  async function questionAt({ client }: { readonly client: DeviceClient }) {
    return until('the phone is asked', async () => (await client.pending()).requests[0])
  }

  /** A browser that entered by this phone. */
  async function enter(phone: Pick<Phone, 'client'> & { readonly user: string }) {
    const { browser } = await begin(phone.user)
    await phone.client.approve(await questionAt(phone), await numberOf(browser))
    const entry = await browser.post('/me/waiting')
    if (entry.status !== 303) throw new Error(`${entry.status} ${entry.text}`)
    return browser
  }

  const questionsOf = async (user: string) => {
    const { json } = await api('GET', `/v1/challenges?user=${user}`)
    return json.items as { readonly id: string; readonly status: string }[]
  }

  return { service, path, query, aPhone, begin, questionAt, enter, questionsOf }
}
