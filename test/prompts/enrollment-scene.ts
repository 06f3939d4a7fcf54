// People without a phone, whom Entra sends to a prompt at which a first device may be enrolled.

import { claimPhone, type PhoneOptions } from '../support/running-service.ts'
import { callback, openPrompts, type PromptBrowser } from './prompt-scene.ts'

/** The code that a page shows for typing. */
export const typedCodeIn = (page: string) =>
  /class="code">([0-9A-Z]{5}-[0-9A-Z]{5})</.exec(page)?.[1]
/** The number that a page shows for the new device. */
export const confirmationIn = (page: string) => /class="code">(\d{6})</.exec(page)?.[1]

type At = { readonly browser: PromptBrowser; readonly path: string }
export type EnrollmentScene = Awaited<ReturnType<typeof openEnrollments>>

/** A service whose prompts of Entra enroll first devices. */
export async function openEnrollments() {
  const scene = await openPrompts()
  const { api, tenantId, origin } = scene.service
  const clientId = await scene.ofEntra({ enrollmentAllowed: true })

  /** A person of the tenant who never had a device. */
  async function aNewcomer() {
    const oid = scene.stranger()
    const body = { displayName: 'Newcomer', identifiers: [oid] }
    const { id } = (await api('POST', '/v1/users', body)).json
    return { oid, userId: id as string }
  }
  /** A browser that Entra has sent about somebody. */
  async function arrive(oid: string, id = clientId, browser = scene.aBrowser()) {
    const start = await scene.begin(id, { claims: { oid } }, browser)
    await browser.read(start.path)
    return { ...start, oid, id }
  }
  async function aNewcomerAtPrompt(id = clientId) {
    const newcomer = await aNewcomer()
    return { ...newcomer, ...(await arrive(newcomer.oid, id)) }
  }

  /** A browser that a client has sent by a request that it pushed ahead (PAR). */
  async function arriveByPush(oid: string) {
    const relyingPartyId = (await api('GET', '/v1/relying-parties')).json.items[0].id
    const settings = {
      ...{ kind: 'oidc_code', redirectUris: [callback], enrollmentAllowed: true },
      clientAuthentication: 'client_secret_post',
    }
    const integration = { relyingPartyId, name: 'Payroll', settings }
    const { json } = await api('POST', '/v1/integrations', integration)
    const { id, secret } = json
    await fetch(`${origin}/t/${tenantId}/oidc/jwks`)
    const request = {
      ...{ client_id: id, client_secret: secret, redirect_uri: callback, login_hint: oid },
      ...{ response_type: 'code', scope: 'openid', state: 's', nonce: 'n' },
      ...{ code_challenge: 'A'.repeat(43), code_challenge_method: 'S256' },
    }
    const body = new URLSearchParams(request)
    const push = await fetch(`${origin}/t/${tenantId}/oidc/par`, { method: 'POST', body })
    if (push.status !== 201) throw new Error(await push.text())
    const { request_uri } = (await push.json()) as { request_uri: string }
    const browser = scene.aBrowser()
    const query = new URLSearchParams({ client_id: id, request_uri })
    const answer = await browser.read(`/t/${tenantId}/oidc/authorize?${query}`, 'cross-site')
    const path = answer.headers.get('location')
    if (path === null) throw new Error(answer.text)
    await browser.read(path)
    return { browser, path, oid }
  }

  const enroll = ({ browser, path }: At, code = '') => browser.post(`${path}/enroll`, { code })

  /** A phone on which the name and the code of the page are typed. */
  async function claim({ browser, path, oid }: At & { oid: string }, options: PhoneOptions = {}) {
    const { text } = await browser.read(`${path}/enroll`)
    const code = typedCodeIn(text)
    if (code === undefined) throw new Error(text)
    return claimPhone(
      scene.service,
      { origin, tenantId, code, user: oid },
      { user: oid, ...options },
    )
  }
  /** The same, with the number of the page. */
  async function enrollPhone(at: At & { oid: string }) {
    const phone = await claim(at)
    const { text } = await at.browser.read(`${at.path}/enroll`)
    await phone.client.confirm(confirmationIn(text) ?? '')
    return phone
  }
  const activitiesOf = async (userId: string) =>
    (await api('GET', `/v1/users/${userId}/activities`)).json.items as {
      type: string
      severity: string
      actor: string
      details: Record<string, string>
    }[]

  return {
    ...{ ...scene, clientId, aNewcomer, arrive, arriveByPush, aNewcomerAtPrompt },
    ...{ enroll, claim, enrollPhone },
    ...{ activitiesOf },
    codeFor: async (userId: string): Promise<string> =>
      (await api('POST', `/v1/users/${userId}/temporary-codes`, {})).json.code,
    openWindow: (userId: string, minutes = 60) =>
      api('POST', `/v1/users/${userId}/enrollment-window`, { minutes }),
    closeWindow: (userId: string) => api('DELETE', `/v1/users/${userId}/enrollment-window`),
    devicesOf: async (userId: string) =>
      (await api('GET', `/v1/users/${userId}/devices`)).json.items as { status: string }[],
    enrollmentsOf: (userId: string) =>
      scene.query<{ id: string; status: string; expiresAt: Date }>(
        'select id, status, expires_at as "expiresAt" from enrollments where user_id = $1 order by id',
        [userId],
      ),
  }
}
