import Fastify, { type RouteShorthandOptions } from 'fastify'
import { expect, test } from 'vitest'
import type { Scope } from '../../src/domain/scope.ts'
import { buildAdmission } from '../../src/platform/http/admission.ts'
import { callerOf, carryCallers } from '../../src/platform/http/caller.ts'
import { buildFairQueue } from '../../src/platform/net/bounded-fair-queue.ts'
import { buildKeyGuard, carryPrincipals, principalOf } from '../../src/tenants/api-key.guard.ts'
import { buildApiKeyAuthentication } from '../../src/tenants/authenticate-api-key.ts'
import { bearer, principal } from '../platform/http/fixtures.ts'

const full = buildFairQueue({
  running: 0,
  runningInLine: 0,
  waiting: 0,
  waitingInLine: 0,
  waitMs: 1,
  refusalMs: 0,
  refusals: 0,
})

/** Behind full queues, and with no store: nothing that is looked up gets an answer. */
const guard = buildKeyGuard(
  buildApiKeyAuthentication({} as never).authenticate,
  buildAdmission({ clientQueue: full, deviceQueue: full, tokenQueue: full }),
)
const routeFor = (scope: Scope | 'any') => guard(scope, { answers: {} } as never)

test('a call without a key is refused as such even when the queues are full; one with a key is not looked up then', async () => {
  await using undo = new AsyncDisposableStack()
  const app = Fastify()
  undo.defer(() => app.close())
  const { onRequest } = routeFor('any') as unknown as RouteShorthandOptions
  app.get('/', { ...(onRequest && { onRequest }) }, () => 'entered')
  const codeFor = async (headers: Record<string, string>) =>
    (await app.inject({ url: '/', headers })).json().code
  expect(await codeFor({})).toBe('unauthenticated')
  expect(await codeFor({ authorization: 'Bearer cs_key' })).toBe('too_many_requests')
})

test('a caller that was let in is the principal of its request, and named in its log line', async () => {
  await using undo = new AsyncDisposableStack()
  const app = Fastify()
  undo.defer(() => app.close())
  carryPrincipals(app)
  carryCallers(app)
  const admission = {
    authenticate: <T>(_address: string, _key: unknown, work: () => Promise<T>) => work(),
  }
  const { onRequest } = buildKeyGuard(async () => principal, admission)('any', {
    answers: {},
  } as never) as unknown as RouteShorthandOptions
  app.get('/', { ...(onRequest && { onRequest }) }, async (request) => ({
    principal: principalOf(request),
    caller: callerOf(request),
  }))
  app.get('/unguarded', async (request) => principalOf(request))
  const { tenantId, rpId, keyId } = principal
  expect((await app.inject({ url: '/', headers: bearer })).json()).toEqual({
    principal,
    caller: { tenantId, rpId, keyId },
  })
  expect((await app.inject('/unguarded')).json().message).toContain('without a key guard')
})

test('only reads, and writes that check the key themselves, take a key from the last second', async () => {
  await using undo = new AsyncDisposableStack()
  const app = Fastify()
  undo.defer(() => app.close())
  carryPrincipals(app)
  carryCallers(app)
  const currencies: string[] = []
  const admission = {
    authenticate: <T>(_address: string, _key: unknown, work: () => Promise<T>) => work(),
  }
  const authenticate = async (_: unknown, __: unknown, currency: string) => {
    currencies.push(currency)
    return principal
  }
  const keyGuard = buildKeyGuard(authenticate, admission)
  const operation = { answers: {} } as never
  const entry = (checks?: 'by_statement') => {
    const { onRequest } = keyGuard('any', operation, checks) as unknown as RouteShorthandOptions
    return { ...(onRequest && { onRequest }) }
  }
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
  for (const method of methods) {
    app.route({ method, url: '/', ...entry(), handler: async () => 'entered' })
  }
  app.post('/checked', entry('by_statement'), async () => 'entered')
  for (const method of methods) await app.inject({ method, url: '/', headers: bearer })
  await app.inject({ method: 'POST', url: '/checked', headers: bearer })
  expect(currencies).toEqual(['within_a_second', 'now', 'now', 'now', 'now', 'within_a_second'])
})

test('the description of a route names the scope that it asks for, or none where any key will do', () => {
  const securityOf = (scope: Scope | 'any') => {
    const { security, response } = routeFor(scope).schema
    const { description } = response[403] as { readonly description: string }
    return { security, mayLackScope: description.includes('scope_missing') }
  }
  expect(securityOf('admin')).toEqual({ security: [{ apiKey: ['admin'] }], mayLackScope: true })
  expect(securityOf('any')).toEqual({ security: [{ apiKey: [] }], mayLackScope: false })
})
