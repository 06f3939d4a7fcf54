import Fastify, { type RouteShorthandOptions } from 'fastify'
import { expect, test } from 'vitest'
import type { Scope } from '../../src/domain/scope.ts'
import { buildAdmission } from '../../src/platform/http/admission.ts'
import { buildFairQueue } from '../../src/platform/net/bounded-fair-queue.ts'
import { buildKeyGuard } from '../../src/tenants/api-key.guard.ts'
import { buildApiKeyAuthentication } from '../../src/tenants/authenticate-api-key.ts'

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

test('the description of a route names the scope that it asks for, or none where any key will do', () => {
  const securityOf = (scope: Scope | 'any') => routeFor(scope).schema.security
  expect(securityOf('admin')).toEqual([{ apiKey: ['admin'] }])
  expect(securityOf('any')).toEqual([{ apiKey: [] }])
})
