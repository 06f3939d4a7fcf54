import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { anyPort } from '../../demo/free-port.ts'
import { type PageServer, startPageServer } from '../../demo/page-server.ts'

/** Neither the service nor the simulator is needed to serve pages. */
const nowhere = 'http://localhost:9'
let server: PageServer

async function serve(serviceOrigin: string): Promise<PageServer> {
  const account = {
    origin: serviceOrigin,
    tenantId: 'tnt_01h455vb4pex5vsknk084sn02q',
    relyingPartyId: 'rp_01h455vb4pex5vsknk084sn02q',
    apiKey: 'cs_key_secret',
  }
  const absent = async () => undefined
  const service = {
    origin: serviceOrigin,
    pid: undefined,
    operate: absent,
    loss: new Promise<void>(() => undefined),
    stop: absent,
  }
  return startPageServer({ account, service }, nowhere, await anyPort())
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
    ? [/(?:src|href)="([^"]+)"/g, /"jose": "([^"]+)"/g]
    : type.startsWith('text/javascript')
      ? [
          /^\s*(?:import|export)\b[^'"\n]*?from\s*['"]([^'"]+)['"]/gm,
          /^\} from ['"]([^'"]+)['"]/gm,
          /'(\/demo\/web\/[^']+)'/g,
        ]
      : [/url\(([^)]+)\)/g]
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1] ?? ''))
}

test.each(['/', '/sign-in', '/phone'])(
  'page %s may load and run only files of this server',
  async (page) => {
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
      'style-src': "'self'",
      'connect-src': "'self'",
      'frame-ancestors': "'self'",
      'base-uri': "'none'",
      'form-action': "'none'",
      'require-trusted-types-for': "'script'",
    })
    expect(directives['script-src']).toMatch(/^'self'(?: 'sha256-[A-Za-z0-9+/]{43}=')?$/)
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  },
)

test('everything that the pages load exists, on this server, and needs no other server', async () => {
  const visitedPages = new Set<string>()
  const visit = async (address: string): Promise<void> => {
    const path = address.split('?')[0] ?? ''
    if (visitedPages.has(path)) return
    visitedPages.add(path)
    const file = await read(path)
    for (const reference of references(file)) {
      const pageAddress =
        reference === 'jose' ? '/node_modules/jose/dist/webapi/index.js' : reference
      const url = new URL(pageAddress, new URL(path, server.url))
      expect(url.origin, `${path} loads ${reference}`).toBe(server.url)
      await visit(url.pathname)
    }
  }
  for (const page of ['/', '/sign-in', '/phone']) await visit(page)
  expect(visitedPages).toContain('/clients/device/src/device-client.ts')
  expect(visitedPages).toContain('/node_modules/jose/dist/webapi/index.js')
  expect(visitedPages).toContain('/demo/web/phone/handset.ts')
})

test('TypeScript is served without its types, as a script', async () => {
  const { type, text } = await read('/clients/device/src/device-client.ts')
  expect(type).toBe('text/javascript; charset=utf-8')
  expect(text).not.toMatch(/readonly|: Promise</)
  expect(text).toContain('export class DeviceClient')
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

test('the device API is proxied at the page’s address: path, query, proof, body unchanged, no cookie', async () => {
  const receivedCalls: unknown[] = []
  const service = createServer((incoming, answer) => {
    const { 'device-proof': proof, cookie } = incoming.headers
    incoming.on('data', (chunk) => receivedCalls.push(String(chunk)))
    incoming.on('end', () => {
      receivedCalls.push(incoming.method, incoming.url, proof, cookie)
      answer.writeHead(409, { 'content-type': 'application/problem+json' }).end('{"code":"x"}')
    })
  })
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  const pages = await serve(`http://127.0.0.1:${(service.address() as AddressInfo).port}`)
  onTestFinished(async () => {
    await pages.close()
    service.close()
  })
  const answer = await fetch(`${pages.url}/device/v1/activities?limit=3&cursor=a%2Fb`, {
    method: 'POST',
    headers: { 'device-proof': 'a.b.c', 'content-type': 'application/json', cookie: 'secret=1' },
    body: '{"n":1}',
  })
  expect(answer.status).toBe(409)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(await answer.json()).toEqual({ code: 'x' })
  expect(receivedCalls).toEqual([
    '{"n":1}',
    'POST',
    '/device/v1/activities?limit=3&cursor=a%2Fb',
    'a.b.c',
    undefined,
  ])
})

test('while the service is gone a sign-in is answered 503, and the device API 502', async () => {
  const signIn = await fetch(`${server.url}/api/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'ada', password: 'x' }),
  })
  expect(signIn.status).toBe(503)
  expect((await fetch(`${server.url}/device/v1/challenges`)).status).toBe(502)
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
