// Debian's nginx at its defaults, in front of two processes.

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { faultsOfSettings, nginxProgram, startNginx } from '../../support/nginx.ts'
import { freePort } from '../../support/ports.ts'
import { notRun } from '../../support/programs.ts'
import { until } from '../../support/until.ts'
import { anApp } from './fixtures.ts'

/** `STOP_DELAY_SECONDS` where it is not set: for so long the next one still answers. */
const stopDelayMs = 5_000

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
  ['has no signature of version 1', '/rest/v1/preauth.bson', { headers: json }, 200],
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

/** A process that answers with its name; it can be stopped and started again on its port. */
async function startProcess(name: string) {
  const port = await freePort()
  let server: Server
  const start = async () => {
    server = createServer((_request, response) => response.end(name))
    await once(server.listen(port, '127.0.0.1'), 'listening')
  }
  const stop = () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  }
  await start()
  return { port, start, stop, [Symbol.asyncDispose]: async () => void (await stop()) }
}

test.runIf(nginxProgram)(
  'nginx asks a restarted process before the next one stops, as many-processes sets it up',
  async () => {
    const page = await readFile('docs/how-to/many-processes.md', 'utf8')
    const [, parameters] = /server 127\.0\.0\.1:8081(.*);/.exec(page) ?? []
    await using first = await startProcess('first')
    await using second = await startProcess('second')
    await using nginx = await startNginx([first.port, second.port], parameters)
    const ask = async () => (await fetch(nginx.origin)).text()
    await first.stop()
    for (const _ of [1, 2, 3]) expect(await ask()).toBe('second')
    await first.start()
    await until('nginx asks it again', async () => (await ask()) === 'first', stopDelayMs)
    await second.stop()
    for (const _ of [1, 2, 3]) expect(await ask()).toBe('first')
    await second.start()
  },
)

if (nginxProgram === undefined) {
  notRun('nginx', 'nginx-light')
} else describe('behind nginx with two upstreams', behindNginx)
