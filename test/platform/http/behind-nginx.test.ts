// Debian's nginx at its defaults, in front of two processes.

import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { faultsOfSettings, nginxProgram, startNginx } from '../../support/nginx.ts'
import { notRun } from '../../support/programs.ts'
import { anApp } from './fixtures.ts'

const portOf = (app: FastifyInstance) => {
  const address = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const long = 'x'.repeat(900_000)
const longHeaders = { 'x-a': 'x'.repeat(7_000), 'x-b': 'x'.repeat(7_000), 'x-c': 'x'.repeat(7_000) }
const json = { 'content-type': 'application/json' }
/** Each is refused before its body has been read. */
const refusedRequests: readonly (readonly [
  what: string,
  path: string,
  init: RequestInit,
  status: number,
])[] = [
  ['is too long', '/device/v1/enrollments/claim', { headers: json }, 413],
  ['is too long, without a credential', '/v1/challenges', { headers: json }, 401],
  ['is no JSON', '/device/v1/enrollments/claim', { headers: { 'content-type': 'text/xml' } }, 415],
  ['goes nowhere', '/nowhere', { headers: json }, 413],
  ['comes with too long headers', '/v1/challenges', { headers: longHeaders }, 431],
  ['goes to a bad address', '/v1/%zz', { headers: json }, 400],
  ['has no signature', '/auth/v2/preauth', { headers: json }, 200],
  ['has no credential at a door', `/integrations/wait/x`, { headers: json }, 401],
]

test.runIf(nginxProgram)('nginx accepts the settings of the documentation', async () => {
  const page = await readFile('docs/how-to/behind-a-proxy.md', 'utf8')
  const [, settings = ''] = /```nginx\n([\s\S]*?)```/.exec(page) ?? []
  expect(settings).toContain('client_max_body_size 64k;')
  expect(await faultsOfSettings(settings)).toBe('')
})

const behindNginx = () => {
  let apps: FastifyInstance[]
  beforeAll(async () => {
    apps = await Promise.all([anApp(), anApp()])
    await Promise.all(apps.map((app) => app.listen({ host: '127.0.0.1', port: 0 })))
  })
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()))
  })

  test.each(refusedRequests)(
    'a body that %s gets its refusal, and the calls of others go on',
    async (_what, path, init, status) => {
      await using nginx = await startNginx(apps.map(portOf))
      const statusOf = async (path: string, init: RequestInit = {}) => {
        const response = await fetch(`${nginx.origin}${path}`, init)
        await response.arrayBuffer()
        return response.status
      }
      const unauthenticatedCall = Array.from({ length: 48 }, () =>
        statusOf(path, { method: 'POST', body: long, ...init }),
      )
      const others = Array.from({ length: 24 }, () => statusOf('/health/live'))
      expect(new Set(await Promise.all(unauthenticatedCall))).toEqual(new Set([status]))
      expect(new Set(await Promise.all(others))).toEqual(new Set([200]))
      expect(await statusOf('/health/live')).toBe(200)
    },
  )
}

if (nginxProgram === undefined) {
  notRun('nginx', 'nginx-light')
} else describe('behind nginx with two upstreams', behindNginx)
