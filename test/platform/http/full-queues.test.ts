// A service whose queues for unauthenticated clients are full: each caller receives an answer on
// which no client lets anybody in.

import type { FastifyInstance, InjectOptions } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { refuse } from '../../../src/domain/refusal.ts'
import { buildAdmission } from '../../../src/platform/http/admission.ts'
import { buildFairQueue } from '../../../src/platform/net/bounded-fair-queue.ts'
import { decodeBson } from '../../support/legacy-auth-api.ts'
import { until } from '../../support/until.ts'
import {
  anApp,
  anEnrollment,
  anId,
  bearer,
  credentialsFor,
  type Route,
  routesOf,
} from './fixtures.ts'

const full = buildFairQueue({
  running: 0,
  runningInLine: 0,
  waiting: 0,
  waitingInLine: 0,
  waitMs: 1,
  refusalMs: 0,
  refusals: 0,
})

let app: FastifyInstance
beforeAll(async () => {
  const admission = buildAdmission({ clientQueue: full, deviceQueue: full, tokenQueue: full })
  app = await anApp({}, { admission })
})
afterAll(() => app.close())

/** Operations without credentials that reach the database. */
const openOperations = ['claimEnrollment', 'openPortal', 'readPublicKeys', 'readWebPushKey']

const schemesOf = ({ operation }: Route) => operation.security.flatMap((one) => Object.keys(one))
const bodies: Readonly<Record<string, object>> = {
  claimEnrollment: {
    tenantId: anId('tenant'),
    code: 'x'.repeat(43),
    appId: 'com.example.app',
    device: { name: 'P', platform: 'ios', model: 'M', osVersion: '1', appVersion: '1' },
    keys: { possession: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) } },
    proofs: { possession: `a.b.${'c'.repeat(86)}` },
  },
  openPortal: { tenantId: anId('tenant'), token: 'x'.repeat(43) },
}

/** Calls the route with credentials that it accepts. */
function call(route: Route) {
  const { method, url, operation } = route
  const payload = bodies[operation.operationId]
  return app.inject({
    method,
    url: url.replace('{secret}', 'secret'),
    headers: credentialsFor(route),
    ...(payload && { payload }),
  } as InjectOptions)
}

test('API, portal and Keycloak calls answer 429 as declared, with Retry-After', async () => {
  const problemSchemes = ['apiKey', 'portalSession', 'realmToken']
  const routes = (await routesOf(app)).filter(
    (route) =>
      schemesOf(route).some((scheme) => problemSchemes.includes(scheme)) ||
      openOperations.includes(route.operation.operationId),
  )
  expect(routes.length).toBeGreaterThan(60)
  for (const route of routes) {
    const { statusCode, headers, body } = await call(route)
    const of = route.operation.operationId
    expect([of, statusCode, headers['retry-after']]).toEqual([of, 429, '1'])
    expect(JSON.parse(body)).toMatchObject({ code: 'too_many_requests', status: 429 })
    expect(route.operation.responses[429]?.description).toContain('too_many_requests')
  }
})

test.each([`enrollments/${anId('enrollment')}`, 'challenges'])(
  'a device that waits for something at %s does not block other phones',
  async (path) => {
    const one = { running: 1, runningInLine: 1, waiting: 9, waitingInLine: 9, waitMs: 1 }
    const devices = buildFairQueue({ ...one, refusalMs: 0, refusals: 0 })
    const { promise: change, resolve: signalChange } = Promise.withResolvers<void>()
    let waiting = 0
    async function wait(waitMs: number) {
      if (waitMs === 0) return
      waiting++
      await change
    }
    await using fullApp = await anApp(
      {
        async readNextEnrollment(_proof, _id, { waitMs }) {
          await wait(waitMs)
          return { enrollment: anEnrollment(), status: 'open', number: null }
        },
        async waitForChallenges(_proof, { waitMs }) {
          await wait(waitMs)
          return { items: [], state: 'A'.repeat(43) }
        },
        readPushPause: async () => ({ until: null }),
      },
      { admission: buildAdmission({ clientQueue: full, deviceQueue: devices, tokenQueue: full }) },
    )
    const headers = { 'device-proof': 'proof' }
    const url = `/device/v1/${path}?wait=30`
    const follower = fullApp.inject({ url, headers, remoteAddress: '203.0.113.7' })
    await until('one waits', () => waiting === 1)
    const other = { url: '/device/v1/push-pause', headers, remoteAddress: '198.51.100.7' }
    expect((await fullApp.inject(other)).statusCode).toBe(200)
    signalChange()
    expect((await follower).statusCode).toBe(200)
  },
)

test('every device call without a body answers 429 with Retry-After, as it declares', async () => {
  const routes = (await routesOf(app)).filter(
    (route) => schemesOf(route).includes('deviceProof') && !route.operation.requestBody,
  )
  expect(routes.length).toBeGreaterThan(8)
  for (const route of routes) {
    const { statusCode, headers } = await call(route)
    const of = route.operation.operationId
    expect([of, statusCode, headers['retry-after']]).toEqual([of, 429, '1'])
    expect(route.operation.responses[429]?.description).toContain('too_many_requests')
  }
})

describe('a client that fails open (`failmode=safe`)', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  test.each([
    ['POST', 'preauth', 'username=ada&failmode=safe'],
    ['POST', 'auth', 'username=ada&factor=push&device=auto&failmode=safe'],
    ['POST', 'auth', 'username=ada&factor=passcode&passcode=123456&failmode=safe'],
    ['GET', 'auth_status?txid=x', ''],
  ] as const)('gets 200 and `deny` by %s %s', async (method, path, payload) => {
    const url = `/auth/v2/${path}`
    const answer = await app.inject({ method, url, headers: form, ...(payload && { payload }) })
    expect(answer.statusCode).toBe(200)
    const { stat, response } = answer.json()
    expect([stat, response.result, response.status_msg]).toEqual([
      'OK',
      'deny',
      'Too many sign-ins at once. Try again.',
    ])
  })

  test.each([
    ['POST', 'preauth', 'user=ada&failmode=open'],
    ['POST', 'auth', 'user=ada&factor=auto&auto=push1'],
    ['GET', 'status', ''],
  ] as const)('gets the same in version 1 by %s %s', async (method, name, payload) => {
    const more = { headers: form, ...(payload && { payload }) }
    const json = await app.inject({ method, url: `/rest/v1/${name}.json`, ...more })
    const bson = await app.inject({ method, url: `/rest/v1/${name}.bson`, ...more })
    for (const { statusCode } of [json, bson]) expect(statusCode).toBe(200)
    const { stat, response } = json.json()
    expect([stat, response.result]).toEqual(['OK', 'deny'])
    expect(decodeBson(bson.rawPayload)).toEqual(json.json())
  })

  test('finds nothing that it could take for an outage in its other calls', async () => {
    for (const path of ['check', 'logo']) {
      const { statusCode } = await app.inject(`/auth/v2/${path}`)
      expect([path, statusCode]).toEqual([path, 403])
    }
    expect((await app.inject('/auth/v2/ping')).statusCode).toBe(200)
  })
})

test('a client that understands a status only gets 401 with the reason', async () => {
  const answer = await app.inject({
    method: 'POST',
    url: `/integrations/wait/${anId('integration')}`,
    headers: { authorization: 'Bearer door' },
    payload: { username: 'ada', number: '483920' },
  })
  expect([answer.statusCode, answer.headers['retry-after']]).toEqual([401, '1'])
  expect(answer.json()).toEqual({ 'Reply-Message': 'Too many sign-ins at once. Try again.' })
})

describe('when too much waits for one user', () => {
  const overload = refuse('too_many_requests', { retryAfterSeconds: 1 })
  const outcome = { outcome: 'unavailable', why: overload.refused, retryAfterSeconds: 1 } as const

  test('the server API answers 429', async () => {
    await using authenticatedApp = await anApp({ verifyPasscode: async () => overload })
    const answer = await authenticatedApp.inject({
      method: 'POST',
      url: `/v1/users/${anId('user')}/passcodes/verify`,
      headers: bearer,
      payload: { code: '123456' },
    })
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([429, '1'])
  })

  test('the door for clients that read the status only answers 401 with the reason', async () => {
    await using authenticatedApp = await anApp({ askAndWait: async () => outcome })
    const answer = await authenticatedApp.inject({
      method: 'POST',
      url: `/integrations/wait/${anId('integration')}`,
      headers: { authorization: 'Bearer door' },
      payload: { username: 'ada', number: '483920' },
    })
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([401, '1'])
    expect(answer.json()).toEqual({ 'Reply-Message': 'Too many sign-ins at once. Try again.' })
  })

  test('the Keycloak channel answers 429', async () => {
    await using authenticatedApp = await anApp({ askForRealm: async () => outcome })
    const answer = await authenticatedApp.inject({
      method: 'POST',
      url: `/integrations/keycloak/${anId('integration')}`,
      headers: { authorization: 'Bearer realm' },
      payload: { login_hint: 'ada', binding_message: 'Login-483920' },
    })
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([429, '1'])
    expect(answer.json().code).toBe('too_many_requests')
  })
})
