// What a test of a connection finds at the public origin when something stands before the service.

import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { TenantId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { buildSealing } from '../../src/platform/crypto/sealing.ts'
import { systemClock } from '../../src/platform/net/clock.ts'
import { buildEgressGuard } from '../../src/platform/net/egress-guard.ts'
import { buildConnectionProbes } from '../../src/prompts/connection-test/connection-probes.adapter.ts'
import { clockStep, providerSteps } from '../../src/prompts/connection-test/provider-steps.ts'
import { buildOidcSigning } from '../../src/prompts/oidc/oidc-signing.adapter.ts'
import { openPrompts, type PromptScene } from './prompt-scene.ts'

vi.setConfig({ testTimeout: 60_000 })

let front: 'passing' | 'chunking' | 'closed' | 'without posts' | 'redirecting' | 'late'
/** By the end of a path. */
let changes: Readonly<Record<string, (text: string) => string>> = {}
let scene: PromptScene

/** Passes every call on to the service, but for what the test changes. */
const pass: RequestListener = (request, reply) => {
  if (front === 'closed') {
    request.socket.destroy()
    return
  }
  const { url = '', method = 'GET' } = request
  if (front === 'redirecting' || (front === 'without posts' && method === 'POST')) {
    reply.writeHead(front === 'redirecting' ? 302 : 405, { location: '/login' }).end()
    return
  }
  const chunks: Buffer[] = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', async () => {
    const { accept = '', 'content-type': type = '' } = request.headers
    const answer = await fetch(scene.service.origin + url, {
      ...{ method, redirect: 'manual', headers: { accept, ...(type && { 'content-type': type }) } },
      ...(method === 'POST' && { body: Buffer.concat(chunks) }),
    })
    const text = await answer.text()
    const [, change] = Object.entries(changes).find(([end]) => url.endsWith(end)) ?? []
    const body = change ? change(text) : text
    const late = front === 'late' && { date: new Date(Date.now() - 120_000).toUTCString() }
    const headers = { 'content-type': answer.headers.get('content-type') ?? '', ...late }
    if (front === 'chunking') {
      reply.writeHead(answer.status, headers)
      reply.write(body.slice(0, 1))
      reply.end(body.slice(1))
    } else {
      const length = Buffer.byteLength(body)
      reply.writeHead(answer.status, { ...headers, 'content-length': length }).end(body)
    }
  })
}
const server = createServer(pass)

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  scene = await openPrompts()
  await scene.ofEntra()
})
beforeEach(() => {
  front = 'passing'
  changes = {}
})
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  server.closeAllConnections()
  server.close()
})

const guard = buildEgressGuard()
const frontOrigin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

/** What is wrong at the front, to a client of this kind, and by its clock. */
async function faults(kind: 'entra_external_mfa' | 'oidc_code' = 'entra_external_mfa') {
  const { origin, tenantId } = scene.service
  const issuer = `${origin}/t/${tenantId}/oidc`
  const { keys } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: [] }
  const probes = buildConnectionProbes({ publicOrigin: frontOrigin(), guard })
  const about = { tenantId: tenantId as TenantId, kind }
  const world = { clock: systemClock, random: systemRandom }
  const read = await providerSteps(world, probes, { issuer, keys }, about)
  const steps = [...read.steps, clockStep(new Date(), read.date)]
  const foundSteps = steps.filter(({ reason }) => reason !== null)
  return Object.fromEntries(foundSteps.map(({ step, reason }) => [step, reason]))
}
const https = 'not_https'

test('a proxy that passes everything is no fault', async () => {
  expect(await faults()).toEqual({ https })
})

test('an answer without Content-Length, which Entra does not take, is found', async () => {
  front = 'chunking'
  expect(await faults()).toEqual({ https, discovery: 'without_length' })
  expect(await faults('oidc_code')).toEqual({ https })
})

test('an origin at which nobody answers, or somebody else, is found', async () => {
  front = 'closed'
  const [discovery, keys, authorize_endpoint] = ['unreachable', 'unreachable', 'unreachable']
  const clock = 'needs_other_step'
  expect(await faults()).toEqual({ https, discovery, keys, authorize_endpoint, clock })
  front = 'redirecting'
  const none = 'not_ours'
  expect(await faults()).toEqual({
    ...{ https, discovery: none, keys: none, authorize_endpoint: none },
  })
})

test('a proxy that lets no form through is found', async () => {
  front = 'without posts'
  expect(await faults()).toEqual({ https, authorize_endpoint: 'not_ours' })
})

test('discovery of another origin, and keys of yesterday or without certificates, are found', async () => {
  changes = { 'openid-configuration': (text) => text.replaceAll('/oidc/jwks', '/oidc/keys') }
  expect(await faults()).toEqual({ https, discovery: 'other_contents' })
  changes = { jwks: () => '{"keys":[]}' }
  expect(await faults()).toEqual({ https, keys: 'other_contents' })
  changes = { jwks: (text) => text.replaceAll('"x5c"', '"x6c"') }
  expect(await faults()).toEqual({ https, keys: 'key_without_certificate' })
})

test('the clock is compared with that of who answers a form, and proves nothing where none does', async () => {
  front = 'late'
  expect(await faults()).toEqual({ https, clock: 'clock_off' })
  expect(clockStep(new Date(), null)).toMatchObject({ result: 'skipped' })
})

test('a certificate that nobody vouches for is not mistaken for silence', async () => {
  const { host, port } = scene.service.simulator.webPush
  const publicOrigin = `https://${host}:${port}`
  const probes = buildConnectionProbes({ publicOrigin, guard })
  expect(await probes.call('/')).toBe('certificate_untrusted')
})

test('a probe calls the public origin and nothing else, whatever its path says', async () => {
  const probes = buildConnectionProbes({ publicOrigin: 'http://127.0.0.1', guard })
  const { port } = server.address() as AddressInfo
  expect(await probes.call(`:${port}/`)).toBe('unreachable')
  expect(await probes.call(`@127.0.0.1:${port}/`)).toBe('unreachable')
})

test('the clock of a cloud is asked for where the guard allows, and nowhere else', async () => {
  const { discoveryUrlOf } = scene.entra
  const publicOrigin = 'https://push.invalid'
  const guardedProbes = buildConnectionProbes({ publicOrigin, guard, discoveryUrlOf })
  expect(await guardedProbes.readEntraClock('global')).toBe('unreachable')
  const open = buildEgressGuard({ networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1'] })
  const probes = buildConnectionProbes({ publicOrigin, guard: open, discoveryUrlOf })
  expect(await probes.readEntraClock('global')).toBeInstanceOf(Date)
})

test('a key is taken with a certificate of its own that is valid now', async () => {
  const now = new Date()
  const signing = buildOidcSigning(buildSealing({ current: Buffer.alloc(32, 7) }), {
    now: () => now,
  })
  const keys = await signing.createKeys('tnt_1' as TenantId, 'https://push.example/t/tnt_1/oidc')
  const others = await signing.createKeys('tnt_1' as TenantId, 'https://push.example/t/tnt_1/oidc')
  const probes = buildConnectionProbes({ publicOrigin: 'https://push.example', guard })
  const [key, other] = [keys[0]?.publicJwk ?? {}, others[0]?.publicJwk ?? {}]
  for (const { publicJwk } of keys) expect(probes.keyFault(publicJwk, now)).toBeUndefined()
  const { x5c, x5t } = other
  expect(probes.keyFault({ ...key, x5c, x5t }, now)).toBe('certificate_of_other_key')
  expect(probes.keyFault({ ...key, x5t }, now)).toBe('certificate_of_other_key')
  expect(probes.keyFault({ ...key, x5c: ['AAAA'] }, now)).toBe('certificate_of_other_key')
  expect(probes.keyFault({ ...key, x5c: [] }, now)).toBe('key_without_certificate')
  const years = (count: number) => new Date(now.getTime() + count * 366 * 86_400_000)
  expect(probes.keyFault(key, years(21))).toBe('certificate_expired')
  expect(probes.keyFault(key, years(-1))).toBe('certificate_expired')
})
