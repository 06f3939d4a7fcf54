// People whom a client of OpenID Connect has sent to a prompt, and their phones.

import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { DeviceClient } from '../../clients/device/src/device-client.ts'
import { claimEnrollment, readEnrollmentUri } from '../../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import type { RelyingPartyAccount } from '../provisioning.ts'

export const redirectUri = 'https://sign-in.larkfield.example/callback'
const lookEveryMs = 100
const asksAtMost = 100

/** Calls the API; the answer's texts. */
export type Call = (method: 'GET' | 'POST' | 'PUT', target: string, body?: object) => Promise<Reply>
type Reply = Readonly<Record<'id' | 'uri' | 'number' | 'secret' | 'code', string>>

/** Calls the API with the key of the account. Throws at any refusal. */
export function callerOf({ origin, apiKey }: RelyingPartyAccount): Call {
  return async (method, target, body) => {
    const answer = await fetch(origin + target, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(await answer.text())
    return (await answer.json()) as Reply
  }
}

/** A client whose number is shown for so long; its id. */
export async function createClient(
  call: Call,
  { relyingPartyId }: RelyingPartyAccount,
  ttlSeconds: number,
): Promise<string> {
  const settings = {
    kind: 'oidc_code',
    redirectUris: [redirectUri],
    clientAuthentication: 'client_secret_basic',
    bareLoginHintAllowed: true,
  }
  const plan = { relyingPartyId, name: 'Payroll', ttlSeconds, settings }
  return (await call('POST', '/v1/integrations', plan)).id
}

/** A phone of the user that finds what it is asked by polling. */
export async function enrollPhone(call: Call, user: string): Promise<DeviceClient> {
  const { id, uri } = await call('POST', '/v1/enrollments', { user, displayName: user })
  const ticket = readEnrollmentUri(uri)
  if (!ticket) throw new Error(`no enrollment: ${uri}`)
  const keys = await createDeviceKeys({ verification: true })
  const versions = { model: 'Phone', osVersion: '1', appVersion: '1' }
  const device = { name: 'Phone', platform: 'other', ...versions } as const
  const appId = 'example.larkfield.phone'
  const account = await claimEnrollment({ ticket, keys, appId, device })
  const client = new DeviceClient({ account, keys })
  await client.confirm((await call('GET', `/v1/enrollments/${id}`)).number)
  return client
}

/** What the phone is asked. */
export async function questionAt(client: DeviceClient) {
  for (let times = 0; times < asksAtMost; times++) {
    const [question] = (await client.pending()).requests
    if (question) return question
    await delay(lookEveryMs)
  }
  throw new Error('the phone is asked nothing')
}

/** A browser of its own in front of the prompt that the client has begun for the user. */
export async function arrive(
  browser: Browser,
  { origin, tenantId }: RelyingPartyAccount,
  { clientId, user, javaScriptEnabled = true }: Arrival,
): Promise<Page> {
  const query = new URLSearchParams({
    ...{ client_id: clientId, redirect_uri: redirectUri, response_type: 'code', scope: 'openid' },
    code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
    code_challenge_method: 'S256',
    ...{ state: 's', nonce: 'n', login_hint: user },
  })
  return openPromptPage(
    browser,
    `${origin}/t/${tenantId}/oidc/authorize?${query}`,
    javaScriptEnabled,
  )
}

/** A browser of its own at the address of a request. */
export async function openPromptPage(
  browser: Browser,
  address: string,
  javaScriptEnabled: boolean,
): Promise<Page> {
  const context = await browser.newContext({
    viewport: promptSize,
    colorScheme: 'light',
    locale: 'en-GB',
    javaScriptEnabled,
  })
  const page = await context.newPage()
  await page.goto(address)
  return page
}

export type Arrival = {
  readonly clientId: string
  readonly user: string
  readonly javaScriptEnabled?: boolean
}

/** A small phone, on which every state fits. */
const promptSize = { width: 360, height: 660 }

/** Has the phone asked, and returns the number that is shown. */
export async function ask(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Ask my phone' }).click()
  const digits = page.locator('.code [aria-hidden]')
  return ((await digits.textContent()) ?? '').replaceAll(/\D/g, '')
}
