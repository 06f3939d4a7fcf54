import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { anyPort } from '../../demo/free-port.ts'
import { type PageServer, startPageServer } from '../../demo/page-server.ts'

/** Neither the service nor the simulator is needed to serve pages. */
const nowhere = 'http://localhost:9'
let server: PageServer

const tenantId = 'tnt_01h455vb4pex5vsknk084sn02q'

async function serve(controlUrl: string): Promise<PageServer> {
  const account = {
    origin: nowhere,
    tenantId,
    relyingPartyId: 'rp_01h455vb4pex5vsknk084sn02q',
    apiKey: 'cs_key_secret',
  }
  return startPageServer({ account }, controlUrl, await anyPort())
}

beforeAll(async () => {
  server = await serve(nowhere)
})
afterAll(() => server.close())

async function read(address: string): Promise<{ type: string; text: string }> {
  const response = await fetch(new URL(address, server.url))
  expect(response.status, address).toBe(200)
  return { type: response.headers.get('content-type') ?? '', text: await response.text() }
}

/** The references of a page, a script or a style sheet. */
function references({ type, text }: { readonly type: string; readonly text: string }): string[] {
  const patterns = type.startsWith('text/html')
    ? [/(?:src|href)="([^"]+)"/g]
    : type.startsWith('text/javascript')
      ? [
          /^\s*(?:import|export)\b[^'"\n]*?from\s*['"]([^'"]+)['"]/gm,
          /^\} from ['"]([^'"]+)['"]/gm,
          /'(\/demo\/web\/[^']+)'/g,
        ]
      : [/url\(([^)]+)\)/g]
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1] ?? ''))
}

test.each(['/', '/inbox'])('page %s may load and run only files of this server', async (page) => {
  const response = await fetch(server.url + page)
  const policy = response.headers.get('content-security-policy') ?? ''
  const directives = Object.fromEntries(
    policy.split('; ').map((directive) => {
      const [name = '', ...values] = directive.split(' ')
      return [name, values.join(' ')]
    }),
  )
  expect(directives).toMatchObject({
    'default-src': "'none'",
    'script-src': "'self'",
    'style-src': "'self'",
    'connect-src': "'self'",
    'frame-ancestors': "'none'",
    'base-uri': "'none'",
    'form-action': "'none'",
    'require-trusted-types-for': "'script'",
  })
  expect(policy).not.toMatch(/unsafe|https?:|\*/)
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
})

test('everything that the pages load exists, on this server, and needs no other server', async () => {
  const visitedPages = new Set<string>()
  const visit = async (address: string): Promise<void> => {
    const path = address.split('?')[0] ?? ''
    if (visitedPages.has(path)) return
    visitedPages.add(path)
    const file = await read(path)
    for (const reference of references(file)) {
      const url = new URL(reference, new URL(path, server.url))
      expect(url.origin, `${path} loads ${reference}`).toBe(server.url)
      await visit(url.pathname)
    }
  }
  for (const page of ['/', '/inbox']) await visit(page)
  expect(visitedPages).toContain('/demo/web/sign-in/approve-screen.ts')
})

test('TypeScript is served without its types, as a script', async () => {
  const { type, text } = await read('/demo/web/sign-in/larkfield-server.ts')
  expect(type).toBe('text/javascript; charset=utf-8')
  expect(text).not.toMatch(/readonly|: Promise</)
  expect(text).toContain('export class ServerRefusal')
})

test.each([
  '/demo/main.ts',
  '/demo/relying-party.ts',
  '/demo/web/../main.ts',
  '/demo/web/%2e%2e/main.ts',
  '/src/main.ts',
  '/package.json',
  '/node_modules/jose/package.json',
  '/.countersign/demo/relying-party.json',
  '/simulator/configuration',
  '/simulator/phones',
  '/device/v1/challenges',
  '/clients/device/src/device-client.ts',
  '/sign-in',
  '/phone',
])('%s is not served', async (address) => {
  const { port } = new URL(server.url)
  const status = await new Promise((resolve, reject) => {
    // Unlike fetch this sends the path as it is.
    request({ host: '127.0.0.1', port, path: address }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
      .on('error', reject)
      .end()
  })
  expect(status).toBe(404)
})

test.each<readonly [Readonly<Record<string, string>>, string]>([
  [{ host: 'demo.example.com' }, 'a public name that resolves here'],
  [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }, 'the page of another site'],
])('%o is refused: %s', async (headers) => {
  const { port } = new URL(server.url)
  const status = await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/api/sign-in', headers }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
      .on('error', reject)
      .end()
  })
  expect(status).toBe(403)
})

test('/authenticator leads to the service, which knows the tenant then', async () => {
  const answer = await fetch(`${server.url}/authenticator`, { redirect: 'manual' })
  expect(answer.status).toBe(302)
  expect(answer.headers.get('location')).toBe(`${nowhere}/authenticator/?tenant=${tenantId}`)
})

test('the log of the simulator is passed on as it is, without a cookie; nothing else of it is', async () => {
  const receivedCalls: unknown[] = []
  const control = createServer(({ method, url, headers }, answer) => {
    receivedCalls.push(method, url, headers.cookie)
    answer.writeHead(200, { 'content-type': 'application/json' }).end('{"pushes":[]}')
  })
  await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve))
  const pages = await serve(`http://127.0.0.1:${(control.address() as AddressInfo).port}`)
  onTestFinished(async () => {
    await pages.close()
    control.close()
  })
  const answer = await fetch(`${pages.url}/simulator/log?since=3`, {
    headers: { cookie: 'secret=1' },
  })
  expect(await answer.json()).toEqual({ pushes: [] })
  expect(receivedCalls).toEqual(['GET', '/log?since=3', undefined])
})

test('while the service is gone a sign-in is answered 503, and the log without a simulator 502', async () => {
  const signIn = await fetch(`${server.url}/api/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'ada', password: 'x' }),
  })
  expect(signIn.status).toBe(503)
  expect((await fetch(`${server.url}/simulator/log`)).status).toBe(502)
})

test('nobody who is not signed in gets a link to the portal', async () => {
  const answer = await fetch(`${server.url}/api/sign-in/portal`, { redirect: 'manual' })
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/'])
})

test.each([
  [{ user: '', password: 'x' }],
  [{ user: '<b>', password: 'x' }],
  [{ user: 'ada', password: '' }],
  [{ user: 'ada', password: 'x', admin: true }],
])('a sign-in with %j is refused with a text', async (body) => {
  const answer = await fetch(`${server.url}/api/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ detail: expect.stringMatching(/\S/) })
})
