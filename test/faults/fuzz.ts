// Requests generated from the description of the API, well-formed and not: no 500, and no
// undescribed response.

import type { Outcome } from './campaigns.ts'
import type { Chance } from './chance.ts'
import { createValue, hostileTexts, type Schema } from './made-values.ts'
import type { Scene } from './scene.ts'

type Parameter = { readonly name: string; readonly in: string; readonly schema?: Schema }
type Operation = {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema?: Schema }>>
  }
  readonly responses: Readonly<Record<string, unknown>>
}
type Description = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

const methods = ['get', 'post', 'put', 'patch', 'delete']
/**
 * Statuses of Node and the router before any route is matched; the description lists them in its
 * introduction.
 */
const beforeRoutes = new Set([400, 404, 408, 413, 414, 415, 429, 431])
const answerMs = 10_000

function urlOf(
  path: string,
  parameters: readonly Parameter[],
  chance: Chance,
  valueFor: (schema?: Schema) => unknown,
) {
  const filledPath = path.replaceAll(/\{(\w+)\}/g, (_, name) => {
    const schema = parameters.find((one) => one.name === name)?.schema
    return encodeURIComponent(String(valueFor(schema)).toWellFormed())
  })
  const query = parameters
    .filter((one) => one.in === 'query' && one.name !== 'wait' && chance.under(0.4))
    .map((one) => `${one.name}=${encodeURIComponent(String(valueFor(one.schema)).toWellFormed())}`)
  return query.length > 0 ? `${filledPath}?${query.join('&')}` : filledPath
}

/** Sends one request; returns the fault of the response, or null. */
async function tryOne(
  scene: Scene,
  method: string,
  url: string,
  init: RequestInit,
  operation: Operation,
  statuses: Map<number, number>,
): Promise<string | null> {
  const reply = await fetch(`${scene.origin}${url}`, {
    ...init,
    method: method.toUpperCase(),
    redirect: 'manual',
    signal: AbortSignal.timeout(answerMs),
  }).catch((error: unknown) => error)
  const what = `${method.toUpperCase()} ${url.slice(0, 200)} ${String(init.body ?? '').slice(0, 300)}`
  if (!(reply instanceof Response)) return `${what}: ${String(reply)}`
  await reply.arrayBuffer()
  statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1)
  if (reply.status >= 500) return `${what}: ${reply.status}`
  const isDescribed = String(reply.status) in operation.responses || beforeRoutes.has(reply.status)
  return isDescribed ? null : `${what}: ${reply.status} is not described`
}

/** Fuzzes every operation of the description in turn until the time is over. */
export async function fuzz(scene: Scene, chance: Chance, seconds: number): Promise<Outcome> {
  const description = await fetch(`${scene.origin}/docs/json`)
  const { paths, components } = (await description.json()) as Description
  const valueFor = (schema?: Schema) => createValue(schema ?? {}, components.schemas, chance, 0)
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    methods.flatMap((method) => (item[method] ? [{ path, method, operation: item[method] }] : [])),
  )
  const violations: string[] = []
  const endsAt = performance.now() + seconds * 1_000
  let requests = 0
  const statuses = new Map<number, number>()
  const { key } = scene
  while (performance.now() < endsAt && violations.length < 20 && scene.fallen() === undefined) {
    for (const { path, method, operation } of operations) {
      const parameters = operation.parameters ?? []
      const schema = operation.requestBody?.content['application/json']?.schema
      const body = schema ? JSON.stringify(valueFor(schema)) : undefined
      const sentBody = body !== undefined && chance.under(0.05) ? body.slice(0, -1) : body
      const headers = {
        ...(chance.under(0.9) && { authorization: `Bearer ${chance.under(0.95) ? key : 'cs_x'}` }),
        ...(chance.under(0.3) && { 'device-proof': 'a.b.c' }),
        ...(sentBody !== undefined && { 'content-type': 'application/json' }),
      }
      const init = { headers, ...(sentBody !== undefined && { body: sentBody }) }
      const url = urlOf(path, parameters, chance, (one) =>
        chance.under(0.3) ? chance.of(hostileTexts) : valueFor(one),
      )
      const fault = await tryOne(scene, method, url, init, operation, statuses)
      requests++
      if (fault) violations.push(fault)
    }
  }
  const carriedOut = [...statuses].reduce((sum, [one, n]) => sum + (one < 300 ? n : 0), 0)
  if (carriedOut === 0) violations.push('no request was carried out: nothing was tested')
  const complaint = scene.fallen()
  if (complaint !== undefined)
    violations.push(`the service ended by itself: ${complaint.slice(0, 2_000)}`)
  return {
    counts: { requests, 'carried out': carriedOut, operations: operations.length },
    violations,
  }
}
