import { type ProblemCode, problems } from '../../src/platform/http/problem-table.ts'
import { idExample } from '../../src/platform/http/schemas/ids.ts'
import {
  type Caller,
  factsOf,
  folderOf,
  type Operation,
  schemes,
} from './authorisation-expectations.ts'
import { folders, madeUpSecret } from './authorisation-routes.ts'
import type { Scene } from './authorisation-scene.ts'
import type { Tenancies } from './authorisation-tenancies.ts'
import { proofFor } from './device-calls.ts'
import type { Phone } from './running-service.ts'

/** The object of a call, and the user in whose name an outsider makes it. */
export type Stage = { readonly scene: Scene; readonly outsider?: Scene }

export type CallReply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** Headers that differ between any two answers. */
const perAnswer = new Set(['date', 'request-id', 'keep-alive', 'connection'])

type SentRequest = { readonly body: string | undefined; readonly path: string }

/** What calls any route as any caller. */
export function callsIn({
  service,
  otherTenant,
  victim,
  stranger,
  elsewhere,
  unregisteredPhone,
  suspendedPhone,
  keys,
}: Tenancies) {
  function phoneOf(caller: Caller, { scene, outsider }: Stage): Promise<Phone> {
    if (caller === 'a device of another user') return (outsider ?? stranger).phone()
    if (caller === 'a device of another tenant') return (outsider ?? elsewhere).phone()
    if (caller === 'an unregistered device of the user') return Promise.resolve(unregisteredPhone)
    if (caller === 'a suspended device of the user') return Promise.resolve(suspendedPhone)
    return scene.phone()
  }

  async function credentials(
    operation: Operation,
    caller: Caller,
    stage: Stage,
    { body, path }: SentRequest,
  ): Promise<Record<string, string>> {
    const scheme = schemes[caller]
    if (scheme === 'apiKey') {
      const needs = operation.scheme === 'apiKey' ? operation.needs : undefined
      const name =
        caller === 'a key of every scope but the one' ? `all but ${needs ?? 'admin'}` : caller
      const secret = keys.get(name)
      if (!secret) throw new Error(`no key: ${name}`)
      return { authorization: `Bearer ${secret}` }
    }
    if (scheme === 'integrationSecret') {
      const isOther = caller === 'a client of another integration'
      const secret = await (isOther ? stranger : stage.scene).integrationSecret()
      return { authorization: `Bearer ${secret}` }
    }
    if (scheme === 'portalSession') {
      const isOther = caller === 'the portal session of another user'
      const headers = await browser(isOther ? (stage.outsider ?? stranger) : stage.scene)
      const isCross = caller.endsWith('another site')
      return isCross ? { ...headers, 'sec-fetch-site': 'cross-site' } : headers
    }
    if (scheme === null) return {}
    const phone = await phoneOf(caller, stage)
    const tenancy = caller === 'a device of another tenant' ? otherTenant : service
    const { possession, verification } = phone.keys
    const isPossession = caller === 'a device of the user, by its possession key'
    const proof = await proofFor(tenancy, phone, {
      method: operation.method,
      path,
      key: isPossession ? possession : (verification ?? possession),
      ...(body !== undefined && { body: JSON.parse(body) }),
    })
    return { 'device-proof': proof }
  }

  const browsers = new Map<Scene, Promise<Record<string, string>>>()
  function browser(of: Scene) {
    const browserHeaders = browsers.get(of) ?? of.browser()
    browsers.set(of, browserHeaders)
    return browserHeaders
  }

  // A tenant exports one user at a time: another one waits here, not by `export_busy`.
  let exports: Promise<unknown> = Promise.resolve()
  function call(
    operation: Operation,
    caller: Caller,
    more: Partial<Stage> & { id?: string; body?: string } = {},
  ): Promise<CallReply> {
    if (!operation.path.endsWith('/export')) return callNow(operation, caller, more)
    const reply = exports.then(() => callNow(operation, caller, more))
    exports = reply.catch(() => undefined)
    return reply
  }

  async function callNow(
    operation: Operation,
    caller: Caller,
    { scene = victim, outsider, id, body }: Partial<Stage> & { id?: string; body?: string } = {},
  ): Promise<CallReply> {
    const facts = factsOf(operation)
    const stage = { scene, ...(outsider && { outsider }) }
    const folder = folders[folderOf(operation) ?? '']
    const objectId = id ?? (await (facts.object ?? folder?.of)?.(scene))
    const plain = operation.path
      .replace('{secret}', madeUpSecret)
      .replace('{rpId}', idExample('relyingParty'))
      .replace('/prompt/{id}', `/prompt/${idExample('prompt')}`)
    const path = plain.replace(/\{\w+\}/, objectId ?? '') + ((await facts.query?.(scene)) ?? '')
    const defaultBody = await facts.body?.(scene, () => phoneOf(caller, stage))
    const sentRequest = {
      path,
      body: body ?? (defaultBody === undefined ? undefined : JSON.stringify(defaultBody)),
    }
    // What takes no JSON takes a form.
    const isForm = operation.body === undefined && defaultBody !== undefined
    const fields = (defaultBody ?? {}) as Record<string, string>
    const sentBody = isForm && !body ? `${new URLSearchParams(fields)}` : sentRequest.body
    const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json'
    const response = await fetch(service.origin + path, {
      method: operation.method,
      redirect: 'manual',
      headers: {
        ...(sentBody !== undefined && { 'content-type': type }),
        ...(facts.ownPages && { 'sec-fetch-site': 'same-origin' }),
        ...(await credentials(operation, caller, stage, sentRequest)),
      },
      ...(sentBody !== undefined && { body: sentBody }),
    })
    const headers = Object.fromEntries([...response.headers].filter(([one]) => !perAnswer.has(one)))
    const { status } = response
    const isStream = headers['content-type']?.startsWith('text/event-stream') ?? false
    // An event stream has no end to wait for.
    if (isStream) await response.body?.cancel()
    return { status, headers, text: isStream ? '' : await response.text() }
  }

  return { call, browser }
}

/**
 * The outcome of a response, comparable to `expectedRefusal`; undocumented responses contain more,
 * and so match nothing.
 */
export function outcome(
  { statuses }: Operation,
  { status, text }: CallReply,
): ProblemCode | null | string {
  if (!statuses.includes(status)) return `undocumented: ${status} ${text}`
  // A page redirects to the next one after success.
  if (status < 400) return null
  const { code } = JSON.parse(text)
  return problems[code as ProblemCode]?.status === status ? code : `${status} ${text}`
}
