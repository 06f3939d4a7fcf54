import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ProvenRequest } from '../../src/domain/device-proof.ts'
import { refuse } from '../../src/domain/refusal.ts'
import { type Scope, scopes } from '../../src/domain/scope.ts'
import { problemSchema } from '../../src/platform/http/schemas/problem.ts'
import {
  aDevice,
  anApp,
  anId,
  bearer,
  portalSession,
  principal,
  proof,
  publicOrigin,
  routesOf,
} from '../platform/http/fixtures.ts'
import { until } from '../support/until.ts'

const open = new Set([
  'authApiPing',
  'claimEnrollment',
  'readEnrollmentPage',
  'readAppleAppSiteAssociation',
  'readAssetLinks',
  'readFormerEnrollmentPage',
  'openPortal',
  'readPortalLinkPage',
  'followPortalLink',
  'readFormerPortalLink',
  'readCutPortalLink',
  'readPortalSignInForm',
  'beginPortalSignIn',
  'readPortalWaitingPage',
  'enterPortal',
  'readLogo',
  'readOpenIdConfiguration',
  'readOidcKeys',
  'authorizeByQuery',
  'authorizeByForm',
  'pushOidcRequest',
  'exchangeOidcCode',
  'readPromptPage',
  'followPrompt',
  'askByPrompt',
  'askMoreByPrompt',
  'askAgainByPrompt',
  'cancelPrompt',
  'returnFromPrompt',
  'readPromptCodePage',
  'typePromptCode',
  'readPromptEnrollmentPage',
  'enrollAtPrompt',
  'followPromptEnrollment',
  'readHome',
  'readLiveness',
  'readReadiness',
  'readMetrics',
  'readOpenApi',
  'readPublicKeys',
  'readWebPushKey',
])

describe('a route of the server API', () => {
  it('answers 401 without a key and with a bad one, before it reads the body', async () => {
    await using app = await anApp()
    const routes = (await routesOf(app)).filter(({ url }) => url.startsWith('/v1/'))
    expect(routes.length).toBeGreaterThan(20)
    for (const { method, url } of routes) {
      for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
        const answer = await app.inject({
          method,
          url: `${url}?isAdmin=true`,
          headers,
          ...(method !== 'GET' && { payload: { isAdmin: true } }),
        })
        expect([method, url, answer.statusCode]).toEqual([method, url, 401])
        expect(problemSchema.parse(answer.json()).code).toBe('api_key_invalid')
      }
    }
  })

  it('accepts a key only if it has the scope that the description names', async () => {
    let grantedScope: Scope = 'admin'
    await using app = await anApp({
      authenticateApiKey: async () => ({ ...principal, scopes: [grantedScope] }),
    })
    const routes = await routesOf(app)
    let refusedCount = 0
    for (grantedScope of scopes.filter((scope) => scope !== 'admin')) {
      for (const { method, url, operation } of routes) {
        const neededScopes = operation.security.flatMap((one) => one.apiKey ?? [])
        if (neededScopes.length === 0) continue
        const answer = await app.inject({ method, url: `${url}?isAdmin=true`, headers: bearer })
        // The unknown query member makes every authorized call a bad request.
        const expectedStatus = neededScopes.includes(grantedScope) ? 400 : 403
        expect([grantedScope, method, url, answer.statusCode]).toEqual([
          grantedScope,
          method,
          url,
          expectedStatus,
        ])
        if (expectedStatus === 403) {
          refusedCount += 1
          expect(answer.json()).toMatchObject({ code: 'scope_missing', scope: neededScopes[0] })
        }
      }
    }
    expect(refusedCount).toBeGreaterThan(100)
  })
})

describe('every route', () => {
  it('every route is guarded unless it is on the short list of open ones', async () => {
    await using app = await anApp()
    const unguardedRoutes = (await routesOf(app))
      .filter(({ operation }) => operation.security.length === 0)
      .map(({ operation }) => operation.operationId)
    expect(new Set(unguardedRoutes)).toEqual(open)
  })
})

describe('a route of the device API', () => {
  it('a route of the device API answers 401 without a proof, except for the claim', async () => {
    await using app = await anApp()
    const routes = (await routesOf(app)).filter(
      ({ url, operation }) => url.startsWith('/device/v1/') && !open.has(operation.operationId),
    )
    expect(routes.length).toBeGreaterThan(10)
    for (const { method, url } of routes) {
      const answer = await app.inject({ method, url })
      expect([method, url, answer.statusCode]).toEqual([method, url, 401])
      expect(problemSchema.parse(answer.json()).code).toBe('proof_missing')
    }
  })

  it('verifies the proof against method, public address and the exact bytes sent', async () => {
    const proofReads: [string | undefined, ProvenRequest][] = []
    await using app = await anApp({
      readDeviceProof: (header, request) => {
        proofReads.push([header, request])
        return proof
      },
      updateSelf: async () => aDevice(),
      readSelf: async () => ({ ...aDevice(), mayAnswer: true, whyNot: null }),
    })
    const headers = { 'device-proof': 'the.proof.text', host: 'attacker.example' }
    const payload = '{ "name" :\n "B\\u00f6" }'
    await app.inject({
      method: 'PATCH',
      url: '/device/v1/self',
      payload,
      headers: { ...headers, 'content-type': 'application/json' },
    })
    await app.inject({ url: '/device/v1/self', headers })
    const bodyHash = createHash('sha256').update(payload).digest('base64url')
    const uri = `${publicOrigin}/device/v1/self`
    expect(proofReads).toEqual([
      ['the.proof.text', { method: 'PATCH', uri, bodyHash }],
      ['the.proof.text', { method: 'GET', uri, bodyHash: null }],
    ])
  })

  it('a route of the device API covers the query as it was sent, letter by letter', async () => {
    const uris: string[] = []
    await using app = await anApp({
      readDeviceProof: (_header, { uri }) => {
        uris.push(uri)
        return refuse('proof_invalid')
      },
    })
    await app.inject('/device/v1/keyset?after=1&%61=%20+&after=1')
    expect(uris).toEqual([`${publicOrigin}/device/v1/keyset?after=1&%61=%20+&after=1`])
  })

  it('a route of the device API treats an empty body as none', async () => {
    const hashes: (string | null)[] = []
    await using app = await anApp({
      readDeviceProof: (_header, { bodyHash }) => {
        hashes.push(bodyHash)
        return proof
      },
      confirmReceipt: async () => undefined,
    })
    const answer = await app.inject({
      method: 'POST',
      url: `/device/v1/challenges/${anId('challenge')}/received`,
      headers: { 'device-proof': 'p', 'content-type': 'application/json', 'content-length': '0' },
    })
    expect(answer.statusCode).toBe(204)
    expect(hashes).toEqual([null])
  })

  it('does not carry the body hash of one request into another', async () => {
    const hashes: (string | null)[] = []
    await using app = await anApp({
      readDeviceProof: (_header, { bodyHash }) => {
        hashes.push(bodyHash)
        return proof
      },
      rotatePushToken: async () => undefined,
      unregisterSelf: async () => undefined,
    })
    const headers = { 'device-proof': 'p' }
    await app.inject({
      method: 'PUT',
      url: '/device/v1/push-token',
      headers,
      payload: { push: null },
    })
    await app.inject({ method: 'DELETE', url: '/device/v1/self', headers })
    expect(hashes).toEqual([expect.any(String), null])
  })
})

describe('a verified credential', () => {
  it('is worth nothing as another kind, not even in a concurrent call of one address', async () => {
    const { promise: lookUpDone, resolve: finishLookUp } = Promise.withResolvers<void>()
    let lookUps = 0
    await using app = await anApp({
      authenticatePortal: async () => {
        lookUps++
        await lookUpDone
        return portalSession
      },
      readPolicy: async () => {
        throw new Error('a portal session was taken for an API key')
      },
    })
    const secret = `${anId('tenant')}.${'s'.repeat(43)}`
    const asUser = app.inject({
      url: '/portal/v1/me',
      headers: { cookie: `__Host-countersign-portal=${secret}`, 'sec-fetch-site': 'same-origin' },
    })
    await until('the cookie is looked up', () => lookUps === 1)
    const asKey = app.inject({ url: '/v1/policy', headers: { authorization: secret } })
    await new Promise((resolve) => setImmediate(resolve))
    finishLookUp()
    expect((await asUser).statusCode).toBe(200)
    expect((await asKey).statusCode).toBe(401)
  })
})
