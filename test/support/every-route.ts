// One call of each route of openapi.yaml, except its own, by a permitted caller, with a response
// that is comparable between two installations.

import { idExample } from '../../src/platform/http/schemas/ids.ts'
import { ownFormats } from './authorisation-expectations.ts'
import { folders, routeFacts } from './authorisation-routes.ts'
import { createScene, type Scene, type Tenancy } from './authorisation-scene.ts'
import { proofFor } from './device-calls.ts'
import { openApiFile } from './openapi-file.ts'

/**
 * A response: times as seconds from the moment of the response, every varying value as its kind.
 */
export type Comparable = {
  readonly name: string
  readonly text: string
  readonly times: readonly number[]
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
type Operation = { readonly name: string; readonly method: Method; readonly path: string } & {
  readonly scheme: string | undefined
}

const operations = Object.entries<Record<string, { security?: object[] }>>(openApiFile.paths)
  // It is written from code, which takes as long as all other calls, and reads no database.
  .filter(([path]) => !ownFormats.some((one) => path.startsWith(one)) && path !== '/openapi.yaml')
  .flatMap(([path, methods]) =>
    Object.entries(methods).map(([word, { security = [] }]): Operation => {
      const method = word.toUpperCase() as Method
      return { name: `${method} ${path}`, method, path, scheme: Object.keys(security[0] ?? {})[0] }
    }),
  )
  // What only reads shares a user, so it comes first.
  .toSorted((one, other) => Number(one.method !== 'GET') - Number(other.method !== 'GET'))

// Its contents differ between processes.
const statusOnly = new Set(['GET /metrics', 'GET /v1/challenges/{id}/events'])

// What ends something, and what answers otherwise to a user to whom more has happened.
const ownUser = [
  /DELETE|unregister|revoke|rotate|cancel|erase|resolve|answer|report|sign-out|confirm|keys|push/,
  /^PATCH .v1.(users|devices)|^POST (.v1.challenges|.device.v1.enrollments)$/,
]

/** Calls every route once, one after another; most share a user with those that only read. */
export async function callEveryRoute(service: Tenancy & { key: string }): Promise<Comparable[]> {
  const sharedScene = createScene(service)
  const answers: Comparable[] = []
  for (const operation of operations) {
    const { name, method } = operation
    const isApart = method !== 'GET' && ownUser.some((pattern) => pattern.test(name))
    const scene = isApart ? createScene(service) : sharedScene
    answers.push(await callOne(service, operation, scene))
  }
  return answers
}

async function callOne(
  service: Tenancy & { key: string },
  { name, method, path: template, scheme }: Operation,
  scene: Scene,
): Promise<Comparable> {
  const facts = routeFacts[name]
  if (!facts) throw new Error(`${name} has no row in test/support/authorisation-routes.ts`)
  const folder = /([a-z0-9-]+)\/\{/.exec(template)?.[1]
  const id = (await (facts.object ?? folders[folder ?? '']?.of)?.(scene)) ?? ''
  const plain = template
    .replace('{secret}', 'A'.repeat(43))
    .replace('/prompt/{id}', `/prompt/${idExample('prompt')}`)
    .replace(/\{\w+\}/, id)
  const path = plain + ((await facts.query?.(scene)) ?? '')
  const body = await facts.body?.(scene, scene.phone)
  const credentials: Record<string, () => Promise<Record<string, string>>> = {
    apiKey: async () => ({ authorization: `Bearer ${service.key}` }),
    integrationSecret: async () => ({
      authorization: `Bearer ${await scene.integrationSecret()}`,
    }),
    deviceProof: async () => {
      const phone = await scene.phone()
      const key = phone.keys.verification ?? phone.keys.possession
      const call = { method, path, key, ...(body !== undefined && { body }) }
      return { 'device-proof': await proofFor(service, phone, call) }
    },
    portalSession: () => scene.browser(),
  }
  const response = await fetch(service.origin + path, {
    method,
    redirect: 'manual',
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(facts.ownPages && { 'sec-fetch-site': 'same-origin' }),
      ...(await credentials[scheme ?? '']?.()),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (statusOnly.has(name)) {
    await response.body?.cancel()
    return { name, text: `${response.status}`, times: [] }
  }
  const times: number[] = []
  const text = comparable(await response.text(), Date.now(), service, times)
  return { name, text: `${response.status} ${text}`, times }
}

const random = /\d|[a-z].*[A-Z]|[A-Z].*[a-z]/
// A push is sent, and a fetch noted, concurrently with the response: either may be there already.
const pushStatePattern =
  /"(status)":\s*"(queued|sent)"|"(settledAt|settled_at|fetchedAt|fetched_at)":\s*(null|"[^"]*")/g
const time = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g
const jwsPattern = /\b(eyJ[\w-]+)\.([\w-]+)\.[\w-]{20,}/g
// Seconds or milliseconds since the epoch, as in signed claims.
const epoch = /\b(1[6-9]|2[0-9])\d{8}(\d{3})?\b/g

function comparable(text: string, now: number, service: Tenancy, times: number[]): string {
  const noteTime = (ms: number) => {
    times.push((ms - now) / 1000)
    return '<time>'
  }
  const decodedText = text.replaceAll(jwsPattern, (_, head: string, claims: string) =>
    [head, claims].map((part) => Buffer.from(part, 'base64url').toString()).join(' '),
  )
  return decodedText
    .replaceAll(pushStatePattern, '<pushed>')
    .replaceAll(service.origin, '<origin>')
    .replaceAll(time, (one) => noteTime(Date.parse(one)))
    .replaceAll(epoch, (one) => noteTime(Number(one.padEnd(13, '0'))))
    .replaceAll(/\b([a-z]{2,4})_[0-9a-z]{26}\b/g, '<$1>')
    .replaceAll(/\b(user|made)-[0-9a-f]+/g, '<$1>')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<uuid>')
    .replaceAll(/"(retryAfterSeconds|seq|number|num)":\s*"?\d+"?/g, '"$1":<digits>')
    .replaceAll(/"(clockSkewMs|delayMs)":-?\d+/g, '"$1":<ms>')
    .replaceAll(/"(code|secret|qrSvg)":\s*"([^"\\]|\\.)*"/g, '"$1":<secret>')
    .replaceAll(/"codes":\[[^\]]*\]/g, '"codes":<secrets>')
    .replaceAll(/\b\d\d:\d\d UTC/g, '<minute>')
    .replaceAll(/[\w+/-]{16,}={0,2}/g, (one) => (random.test(one) ? '<token>' : one))
}
