// The log levels of calls of the Auth API. A refusal concerns the client: nobody who can reach the
// port may wake operators.

import { Writable } from 'node:stream'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { type RefusalCode, refuse } from '../../src/domain/refusal.ts'
import { loggerOptions } from '../../src/platform/http/logging.ts'
import type { UseCases } from '../../src/service/bind-use-cases.ts'
import { anApp, doorClient } from '../platform/http/fixtures.ts'
import { until } from '../support/until.ts'

type Line = { readonly level: string; readonly msg: string; readonly route?: string }

/**
 * The lines that these calls write, one after the other, down to `trace`; each ends with that of
 * the request.
 */
async function linesOf(useCases: Partial<UseCases>, ...calls: object[]): Promise<Line[]> {
  const lines: Line[] = []
  const target = new Writable({
    write(line, _encoding, callback) {
      lines.push(JSON.parse(String(line)))
      callback()
    },
  })
  await using app = await anApp(useCases, { logger: pino(loggerOptions('trace'), target) })
  for (const [before, call] of calls.entries()) {
    await app.inject(call)
    const requests = () => lines.filter(({ msg }) => msg === 'request').length
    await until('the line of the request', () => requests() > before)
  }
  return lines
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }
const post = (name: string) => ({
  ...{ method: 'POST', url: `/auth/v2/${name}`, headers: form },
  payload: 'username=ada&factor=push&device=auto',
})
const calls: Record<string, object> = {
  check: { method: 'GET', url: '/auth/v2/check' },
  logo: { method: 'GET', url: '/auth/v2/logo' },
  auth_status: { method: 'GET', url: '/auth/v2/auth_status?txid=x' },
  preauth: post('preauth'),
  auth: post('auth'),
  enroll: post('enroll'),
  enroll_status: post('enroll_status'),
}

const routes = Object.keys(calls)
const requestOf = (name: string) =>
  expect.objectContaining({ level: 'info', msg: 'request', route: `/auth/v2/${name}` })

/** Why a client may be refused. */
const refusals = [
  ...(['integration_invalid', 'signature_too_weak', 'clock_skew'] as const),
  ...(['integration_paused', 'address_not_allowed', 'too_many_requests'] as const),
] satisfies RefusalCode[]

describe('a refused client leaves one line at info, on every route', () => {
  test.each(refusals)('%s', async (code) => {
    const useCases = { enterBySignature: async () => refuse(code as 'integration_invalid') }
    expect(await linesOf(useCases, ...Object.values(calls))).toEqual(routes.map(requestOf))
  })
})

test('a refused client of version 1 leaves one line at info, on every route', async () => {
  const legacyRoutes = ['preauth', 'auth', 'status'].flatMap((name) =>
    ['json', 'bson'].map((format) => `/rest/v1/${name}.${format}`),
  )
  const legacyCalls = legacyRoutes.map((url) => ({
    ...{ method: url.includes('status') ? 'GET' : 'POST', url, headers: form },
    ...(!url.includes('status') && { payload: 'user=ada' }),
  }))
  const useCases = { enterBySignature: async () => refuse('legacy_version_not_allowed') }
  expect(await linesOf(useCases, ...legacyCalls)).toEqual(
    legacyRoutes.map((route) => expect.objectContaining({ level: 'info', msg: 'request', route })),
  )
})

describe('a malformed call leaves one line at info', () => {
  test.each([
    ['another content type', { headers: { 'content-type': 'text/plain' } }],
    ['a form that is none', { payload: '%zz=1' }],
    ['a body that is too long', { payload: 'x'.repeat(40_000) }],
    ['a query together with a body', { url: '/auth/v2/auth?username=eve' }],
  ])('%s', async (_, more) => {
    const lines = await linesOf({}, { ...post('auth'), ...more })
    expect(lines).toEqual([requestOf('auth')])
  })
})

test('a refused person leaves one line at info', async () => {
  const handle = { integrationKey: 'DIXXXXXXXXXXXXXXXXXX' }
  const door = { kind: 'duo_auth_api', handle, proof: { secret: null }, address: '::1' } as const
  const lines = await linesOf(
    {
      enterBySignature: async () => ({ client: doorClient, call: door }),
      preauthenticate: async () => ({ outcome: 'user_unknown', why: null }),
      refuseFactor: async () => ({ outcome: 'not_allowed', why: 'factor_not_offered' }),
      enrollAtDoor: async () => refuse('identifier_taken'),
    },
    { ...post('preauth'), payload: 'username=ada' },
    { ...post('preauth'), payload: 'user=ada' },
    { ...post('auth'), payload: 'username=ada&factor=sms' },
    { ...post('enroll'), payload: 'username=ada' },
  )
  expect(lines).toEqual(['preauth', 'preauth', 'auth', 'enroll'].map(requestOf))
})

test('a failed call is logged as an error, with its cause, on every route', async () => {
  const failing = async () => {
    throw new Error('it broke')
  }
  const error = expect.objectContaining({
    level: 'error',
    msg: 'a call of the Auth API failed',
    requestId: expect.any(String),
    err: expect.objectContaining({ message: 'it broke' }),
  })
  const lines = await linesOf({ enterBySignature: failing }, ...Object.values(calls))
  expect(lines).toEqual(routes.flatMap((name) => [error, requestOf(name)]))
})
