// How the authenticator is served: what it may load and do, and what is kept where.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { builtFolder, listBuiltFiles } from '../../../src/service/faces/built-files.ts'
import { anApp, anId } from '../../platform/http/fixtures.ts'
import { openApiFile } from '../../support/openapi-file.ts'

let folder: string
let app: FastifyInstance

/** A build of these files. */
async function build(): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), 'cs-faces-'))
  await mkdir(path.join(root, 'assets'))
  const page =
    '<html><meta name="service-origin" content="">' +
    '<meta name="webauthn-rp-id" content=""><script src="/x.js"></script></html>'
  await writeFile(path.join(root, 'index.html'), page)
  await writeFile(path.join(root, 'assets/app-abc123.js'), 'const a = 1')
  await writeFile(path.join(root, 'worker.js'), 'const b = 1')
  await writeFile(path.join(root, 'built-from'), 'secret')
  return root
}

beforeAll(async () => {
  folder = await build()
  app = await anApp({}, { authenticatorFolder: folder })
})
afterAll(async () => {
  await app.close()
  await rm(folder, { recursive: true, force: true })
})

const read = (url: string, headers: Record<string, string> = {}) =>
  app.inject({ method: 'GET', url, headers })

describe('the page of the authenticator', () => {
  test('may load files of its origin alone, run nothing inline, and be framed by nobody', async () => {
    const { headers, statusCode } = await read('/authenticator/')
    expect(statusCode).toBe(200)
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("require-trusted-types-for 'script'")
    expect(policy).not.toMatch(/unsafe|https?:|data:|blob:|\*/)
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'text/html; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    })
    for (const feature of ['camera', 'publickey-credentials-get', 'publickey-credentials-create']) {
      expect(headers['permissions-policy']).toContain(`${feature}=(self)`)
    }
  })

  test('names the origin of the service, which may be another than its own', async () => {
    const { body } = await read('/authenticator/', { host: 'auth.example' })
    expect(body).toContain('<meta name="service-origin" content="https://countersign.example">')
  })

  test('names it as text, whatever an address may have in it', async () => {
    const publicOrigin = 'https://a"&b.example'
    await using app = await anApp({}, { authenticatorFolder: folder, publicOrigin })
    const { body } = await app.inject('/authenticator/')
    expect(body).toContain('<meta name="service-origin" content="https://a&quot;&amp;b.example">')
  })

  test('names the domain of its passkeys, where that is not its own host', async () => {
    const options = { authenticatorFolder: folder, webauthnRpId: 'example' }
    await using other = await anApp({}, options)
    const meta = (content: string) => `<meta name="webauthn-rp-id" content="${content}">`
    expect((await other.inject('/authenticator/')).body).toContain(meta('example'))
    expect((await read('/authenticator/')).body).toContain(meta(''))
  })

  test('is found without its slash, too, with what the address asks for', async () => {
    const { statusCode, headers } = await read('/authenticator?tenant=tnt_1')
    expect([statusCode, headers.location]).toEqual([308, '/authenticator/?tenant=tnt_1'])
  })
})

test('assets are kept for a year, the worker never without a question', async () => {
  const asset = await read('/authenticator/assets/app-abc123.js')
  expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable')
  const worker = await read('/authenticator/worker.js')
  expect(worker.headers['cache-control']).toBe('no-cache')
  // What a worker may fetch is in the policy of its own answer.
  expect(worker.headers['content-security-policy']).toContain("connect-src 'self'")
  expect(worker.headers).not.toHaveProperty('service-worker-allowed')
})

test.each([
  '/authenticator/built-from',
  '/authenticator/../package.json',
  '/authenticator/%2e%2e/package.json',
  '/authenticator/assets/..%2f..%2fpackage.json',
  '/authenticator/assets',
  '/authenticator/missing.js',
])('%s is nothing', async (url) => {
  expect((await read(url)).statusCode).toBe(404)
})

test('nothing is served, and no button leads to it, where nothing was built', async () => {
  await using without = await anApp({})
  expect((await without.inject('/authenticator/')).statusCode).toBe(404)
  const page = '/t/tnt_01jv9z3k8we2tvn4qh6yrx7b50/enroll'
  expect((await without.inject(page)).body).not.toContain('/authenticator/')
  expect((await read(page)).body).toContain('href="/authenticator/"')
})

describe('an authenticator with an origin of its own', () => {
  const own = { host: 'auth.example' }
  let app: FastifyInstance
  beforeAll(async () => {
    const authenticatorOrigin = 'https://auth.example'
    app = await anApp({}, { authenticatorFolder: folder, authenticatorOrigin })
  })
  afterAll(() => app.close())

  test('is served there, and its page still names the origin of the service', async () => {
    const page = await app.inject({ url: '/authenticator/', headers: own })
    expect([page.statusCode, page.body.includes('content="https://countersign.example"')]).toEqual([
      200,
      true,
    ])
    const call = await app.inject({ url: '/device/v1/challenges', headers: own })
    expect(call.json()).toMatchObject({ code: 'proof_missing' })
  })

  test('shares it with no other route', async () => {
    const { paths } = openApiFile as { paths: Record<string, Record<string, unknown>> }
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => [method.toUpperCase(), path] as const),
    )
    const answers = await Promise.all(
      routes.map(async ([method, path]) => {
        const url = path.replaceAll('{tenantId}', anId('tenant')).replaceAll(/\{\w+\}/g, 'x')
        const { statusCode, body } = await app.inject({
          method: method as 'GET',
          url,
          headers: own,
        })
        // In BSON where that is what the route answers with.
        const isNothing = statusCode === 404 && body.includes('not_found')
        return { path, isNothing }
      }),
    )
    const isOwn = (path: string) =>
      path.startsWith('/device/v1/') || path.endsWith('/.well-known/jwks.json')
    expect(answers.length).toBeGreaterThan(100)
    expect(answers.filter(({ path, isNothing }) => !isOwn(path) && !isNothing)).toEqual([])
    const others = ['/docs', '/docs/search.js', '/authenticator.html', '/']
    for (const url of others) {
      expect((await app.inject({ url, headers: own })).statusCode, url).toBe(404)
    }
  })

  test.each([
    'AUTH.example',
    'auth.example:443',
    'auth.example.',
    'Auth.Example.:443',
    'x@auth.example',
  ])('is served at its host as a proxy may write it, %s, and nothing else is', async (host) => {
    const statusOf = async (url: string) =>
      (await app.inject({ url, headers: { host } })).statusCode
    expect(await statusOf('/authenticator/')).toBe(200)
    expect([await statusOf('/'), await statusOf('/docs')]).toEqual([404, 404])
  })

  test.each(['auth.example:8443', 'a.auth.example', 'auth.example.evil.example', 'x:y:z', '['])(
    'is not at %s, which is another host',
    async (host) => {
      const { statusCode } = await app.inject({ url: '/', headers: { host } })
      expect(statusCode).toBe(200)
      expect((await app.inject({ url: '/authenticator/', headers: { host } })).statusCode).toBe(308)
    },
  )

  test('is where the request line says, and where a trusted proxy says', async () => {
    const authenticatorOrigin = 'https://auth.example'
    const behindProxy = await anApp({}, { authenticatorOrigin, trustProxy: true })
    const headers = { 'x-forwarded-host': 'AUTH.example:443' }
    expect((await app.inject({ url: '/', headers })).statusCode).toBe(200)
    expect((await behindProxy.inject({ url: '/', headers })).statusCode).toBe(404)
    await behindProxy.close()

    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    const statusOf = (path: string) =>
      new Promise((resolve, reject) => {
        const call = request({ port, host: '127.0.0.1', path, headers: { host: 'a.example' } })
        call.once('response', (answer) => resolve(answer.resume().statusCode))
        call.once('error', reject).end()
      })
    expect([await statusOf('https://auth.example/'), await statusOf('/')]).toEqual([404, 200])
  })

  test('is not under the public origin, which leads to it', async () => {
    const page = await app.inject('/authenticator/?tenant=tnt_1')
    const address = 'https://auth.example/authenticator/?tenant=tnt_1'
    expect([page.statusCode, page.headers.location]).toEqual([308, address])
    expect((await app.inject('/authenticator/assets/app-abc123.js')).statusCode).toBe(404)
    const enrollment = await app.inject(`/t/${anId('tenant')}/enroll`)
    expect(enrollment.body).toContain('href="https://auth.example/authenticator/"')
  })
})

test('an authenticator whose origin is the public one shares it with everything', async () => {
  const authenticatorOrigin = 'https://countersign.example'
  await using app = await anApp({}, { authenticatorFolder: folder, authenticatorOrigin })
  const headers = { host: 'countersign.example' }
  for (const url of ['/authenticator/', '/docs', `/t/${anId('tenant')}/enroll`]) {
    expect((await app.inject({ url, headers })).statusCode, url).toBe(200)
  }
})

test('a build is all files that a browser may load', () => {
  expect(
    listBuiltFiles(folder)
      .map(({ name, type }) => `${name}: ${type.split(';')[0]}`)
      .sort(),
  ).toEqual([
    'assets/app-abc123.js: text/javascript',
    'index.html: text/html',
    'worker.js: text/javascript',
  ])
  expect([null, path.resolve('web/dist')]).toContain(builtFolder())
})
