// A service with doors that send browsers to prompts, clients that do, and browsers that come.

import { randomBytes, randomUUID } from 'node:crypto'
import type { DeviceClient } from '../../clients/device/src/device-client.ts'
import { onServer } from '../support/cluster.ts'
import { type EntraDouble, type HintOptions, startEntraDouble } from '../support/entra-double.ts'
import { enrollPhone, type PhoneOptions, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'

export const callback = 'https://client.example/callback'

/** A browser that keeps cookies with their paths, and follows no redirect. */
export function aPromptBrowser(
  origin: string,
  agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0',
) {
  const jar = new Map<string, { readonly path: string; readonly value: string }>()
  const cookieFor = (address: string) =>
    [...jar]
      .filter(([, { path }]) => address.startsWith(path))
      .map(([key, { value }]) => `${key.split(' ')[0]}=${value}`)
      .join('; ')
  async function send(address: string, init: RequestInit = {}, site = 'same-origin') {
    const answer = await fetch(origin + address, {
      ...init,
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        'accept-language': 'en',
        'user-agent': agent,
        'sec-fetch-site': site,
        // No `Lax` cookie comes with a form of another site.
        cookie: site === 'cross-site' && init.method === 'POST' ? '' : cookieFor(address),
        ...(init.headers as Record<string, string>),
      },
    })
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = '', path = '/'] =
        /^([^=]+)=([^;]*);.*?Path=([^;]+)/i.exec(cookie) ?? []
      jar.set(`${name} ${path}`, { path, value })
    }
    const { status, headers } = answer
    const isStream = headers.get('content-type')?.startsWith('text/event-stream')
    return { status, headers, answer, text: isStream ? '' : await answer.text() }
  }
  return {
    jar,
    send,
    read: (address: string, site?: string) => send(address, {}, site),
    post: (address: string, fields: Record<string, string> = {}, site?: string) =>
      send(address, { method: 'POST', body: new URLSearchParams(fields) }, site),
  }
}
export type PromptBrowser = ReturnType<typeof aPromptBrowser>

/** The number that a page shows. */
export const numberIn = (page: string): string =>
  (/aria-hidden="true">([\d\u00A0]+)</.exec(page)?.[1] ?? '').replaceAll('\u00A0', '')

export type PromptScene = Awaited<ReturnType<typeof openPrompts>>

/** A service that Entra, and clients with bare hints, send browsers to. */
export async function openPrompts(more: Parameters<typeof startTestService>[0] = {}) {
  const entra: EntraDouble = await startEntraDouble()
  const service = await startTestService({ metricsToken: 'm', ...more }, undefined, {
    entraDiscoveryUrlOf: entra.discoveryUrlOf,
  })
  const { api, database, origin, tenantId } = service
  const relyingPartyId = (await api('GET', '/v1/relying-parties')).json.items[0].id
  const query = <Row>(text: string, values: readonly unknown[] = []) =>
    onServer(database.url, async (client) => (await client.query(text, [...values])).rows as Row[])

  async function anIntegration(settings: object, more: object = {}): Promise<string> {
    const plan = { relyingPartyId, name: 'Payroll', settings, ...more }
    const creation = await api('POST', '/v1/integrations', plan)
    if (creation.status !== 201) throw new Error(creation.text)
    // As clients do before they send anybody: the keys are made then.
    await fetch(`${origin}/t/${tenantId}/oidc/jwks`)
    return creation.json.id
  }
  const ofEntra = (settings: object = {}, more: object = {}) =>
    anIntegration(
      {
        kind: 'entra_external_mfa',
        entraTenantId: entra.entraTenantId,
        applicationId: entra.applicationId,
        ...settings,
      },
      more,
    )
  const ofBareHints = () =>
    anIntegration({
      kind: 'oidc_code',
      redirectUris: [callback],
      clientAuthentication: 'client_secret_basic',
      bareLoginHintAllowed: true,
    })

  /** A phone of the person whom Entra names so, by default its usual one. */
  const aPhone = (options: PhoneOptions = {}) =>
    enrollPhone(service, { user: entra.objectId, ...options })

  /** The form that Entra has a browser post. */
  async function entraForm(clientId: string, options: HintOptions = {}) {
    return entra.form({ clientId, hint: await entra.hint(options) })
  }

  const addressOf = (answer: Awaited<ReturnType<PromptBrowser['post']>>): string => {
    const location = answer.headers.get('location')
    if (answer.status !== 303 || location === null) throw new Error(answer.text)
    return location
  }

  /** A browser that Entra has sent to its prompt. */
  async function begin(clientId: string, options: HintOptions = {}, browser = aBrowser()) {
    const form = await entraForm(clientId, options)
    const answer = await browser.post(`/t/${tenantId}/oidc/authorize`, form, 'cross-site')
    return { browser, form, path: addressOf(answer) }
  }

  /** What a client without signatures has a browser bring. */
  const bareRequest = (clientId: string, loginHint: string) => ({
    ...{ client_id: clientId, redirect_uri: callback, response_type: 'code', scope: 'openid' },
    code_challenge: randomBytes(32).toString('base64url'),
    code_challenge_method: 'S256',
    ...{ state: 's', nonce: 'n', login_hint: loginHint },
  })

  /** A browser that a client without signatures has sent to its prompt. */
  async function beginBare(clientId: string, loginHint: string, browser = aBrowser()) {
    const parameters = bareRequest(clientId, loginHint)
    const answer = await browser.post(`/t/${tenantId}/oidc/authorize`, parameters, 'cross-site')
    return { browser, path: addressOf(answer) }
  }

  const aBrowser = (agent?: string) => aPromptBrowser(origin, agent)

  /** The question that a phone has. */
  const questionAt = ({ client }: { readonly client: DeviceClient }) =>
    until('the phone is asked', async () => (await client.pending()).requests[0])

  /** Does it, and waits until somebody was to be asked in vain, as the integration shows. */
  async function triedToAsk<T>(clientId: string, act: () => Promise<T>): Promise<T> {
    const lastError = async () => (await api('GET', `/v1/integrations/${clientId}`)).json.lastError
    const before = await lastError()
    const outcome = await act()
    await until('it was tried', async () => {
      const error = await lastError()
      return error && error.at !== before?.at
    })
    return outcome
  }

  /** What Entra makes of the page that posts the answer to it. */
  async function entraDecision(page: string, form: Record<string, string>, clientId: string) {
    const fields = [...page.matchAll(/name="([^"]+)" value="([^"]*)"/g)]
    const jwks = (await (await fetch(`${origin}/t/${tenantId}/oidc/jwks`)).json()) as never
    return entra.decide(Object.fromEntries(fields.map(([, name, value]) => [name, value])), {
      ...{ issuer: `${origin}/t/${tenantId}/oidc`, jwks, clientId },
      ...{ nonce: String(form.nonce), state: String(form.state) },
    })
  }

  const questions = async () => (await api('GET', '/v1/challenges')).json.items as unknown[]

  return {
    ...{ entra, service, query, ofEntra, ofBareHints, aPhone, entraForm, begin, beginBare },
    bareRequest,
    relyingPartyId: relyingPartyId as string,
    ...{ aBrowser, questionAt, triedToAsk, entraDecision, questions },
    /** Nobody of the service. */
    stranger: () => randomUUID(),
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]()
      await entra[Symbol.asyncDispose]()
    },
  }
}
