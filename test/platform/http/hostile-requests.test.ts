import type { FastifyInstance, InjectOptions } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemSchema } from '../../../src/platform/http/schemas/problem.ts'
import { anApp, anId, bearer, credentialsFor, type Route, routesOf } from './fixtures.ts'

let app: FastifyInstance
let routes: Route[]

beforeAll(async () => {
  app = await anApp()
  // The Auth API refuses in its own format: test/e2e/doors/auth-api-fails-closed.test.ts.
  // What OAuth says of parameters and refusals: test/prompts.
  routes = (await routesOf(app)).filter(
    ({ url }) => !/^\/(?:auth\/v2|rest\/v1)\//.test(url) && !url.includes('/oidc/'),
  )
})
afterAll(() => app.close())

/** Pages take forms, too; other forms for them are tested in portal-pages.test.ts. */
const isPage = /^\/me\b|^\/t\/\w+\/(?:me|prompt)\//
/** Pages that a browser is known to by a cookie of its own, which is read later. */
const isPrompt = /^\/t\/\w+\/prompt\//
const fromOurPage = { 'sec-fetch-site': 'same-origin' }
/** Links for people: mail programs append members of their own. */
const isLink = /^\/t\/\w+\/(me\/|enroll?$)/

const json = { 'content-type': 'application/json' }

async function send(route: Pick<Route, 'method' | 'url'>, more: InjectOptions) {
  const { method, url } = route
  const headers = { ...(isPrompt.test(url) && fromOurPage), ...more.headers }
  return app.inject({ method, url, ...more, headers })
}

/** Sends the same to every route that may have a body; returns the wrong answers. */
async function wrongAnswers(
  payload: string | Buffer,
  status: number,
  code: string,
  headers: Record<string, string> = json,
): Promise<string[]> {
  const wrong: string[] = []
  const isForm = headers['content-type'] === 'application/x-www-form-urlencoded'
  const taking = routes.filter(
    ({ method, url }) => method !== 'GET' && !(isForm && isPage.test(url)),
  )
  for (const route of taking) {
    const answer = await send(route, { payload, headers: { ...credentialsFor(route), ...headers } })
    const body = problemSchema.safeParse(answer.json())
    const isDeclared = route.operation.responses[status]?.description.includes(`\`${code}\``)
    const right =
      isDeclared === true && answer.statusCode === status && body.success && body.data.code === code
    if (!right) wrong.push(`${route.method} ${route.url}: ${answer.statusCode} ${answer.body}`)
  }
  return wrong
}

it('there are routes with bodies for these tests', () => {
  expect(routes.filter(({ method }) => method !== 'GET').length).toBeGreaterThan(15)
})

describe('every route that may have a body answers with a problem that it declares', () => {
  it.each([
    ['that is no JSON', '{"user":'],
    ['that is a list', '[]'],
    ['that is a text', '"text"'],
    ['that is a number', '1e3'],
    ['with __proto__ in it', '{"__proto__":{"isAdmin":true}}'],
    ['with a constructor in it', '{"constructor":{"prototype":{"isAdmin":true}}}'],
    ['with unknown members', '{"isAdmin":true,"status":"approved"}'],
    ['of ten thousand nested lists', '['.repeat(10_000) + ']'.repeat(10_000)],
  ])('400 to a body %s', async (_what, payload) => {
    expect(await wrongAnswers(payload, 400, 'invalid_request')).toEqual([])
  })

  it('400 to bytes that are not UTF-8', async () => {
    const bytes = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])
    expect(await wrongAnswers(bytes, 400, 'invalid_request')).toEqual([])
  })

  it('400 to bytes that are not UTF-8 in a text, instead of storing another text', async () => {
    const [head, tail] = ['{"displayName":"A', 'da","identifiers":["ada"]}']
    const payload = Buffer.concat([Buffer.from(head), Buffer.of(0xff), Buffer.from(tail)])
    const headers = { ...bearer, ...json }
    const answer = await app.inject({ method: 'POST', url: '/v1/users', payload, headers })
    expect(answer.statusCode).toBe(400)
  })

  it.each(['{"__proto__":{"isAdmin":true}}', '{"constructor":{"prototype":{"isAdmin":true}}}'])(
    '400 to %s before any schema sees it',
    async (payload) => {
      const headers = { ...bearer, ...json }
      const answer = await app.inject({ method: 'POST', url: '/v1/users', payload, headers })
      expect(answer.statusCode).toBe(400)
      expect(answer.json()).not.toHaveProperty('errors')
    },
  )

  it.each([
    ['{user: alice}', /JSON .* double quotes/],
    [Buffer.of(0x22, 0xff, 0x22), /UTF-8/],
  ])('a message on what to correct in %s', async (payload, message) => {
    const headers = { ...bearer, ...json }
    const answer = await app.inject({ method: 'POST', url: '/v1/enrollments', payload, headers })
    expect(answer.json().detail).toMatch(message)
  })

  it.each([
    ['/v1/enrollments', {}, [{ path: '/user', message: 'is required' }]],
    [
      '/v1/challenges',
      { context: { fields: [{ label: 'x' }] } },
      ['/user', '/context/fields/0/value'],
    ],
    ['/v1/users', { identifiers: ['ada'] }, [{ path: '/displayName', message: 'is required' }]],
    ['/v1/users', undefined, [{ path: '', message: 'is required' }]],
  ])('%s without %j names what is required', async (url, payload, faults) => {
    const headers = { ...bearer, ...json }
    const bodyOption = payload === undefined ? {} : { payload }
    const answer = await app.inject({ method: 'POST', url, ...bodyOption, headers })
    const expectedErrors = faults.map((fault) =>
      typeof fault === 'string' ? { path: fault, message: 'is required' } : fault,
    )
    expect(answer.json().errors).toEqual(expectedErrors)
  })

  it.each([7, null, {}, { namespace: 'x' }, []])(
    'the allowed forms of a user reference, when %j is none',
    async (user) => {
      const payload = { user }
      const answer = await app.inject({
        method: 'POST',
        url: '/v1/enrollments',
        payload,
        headers: bearer,
      })
      expect(answer.json().errors).toEqual([
        {
          path: '/user',
          message: 'must be a text, or an object of `namespace` and `value`, or of `id`',
        },
      ])
    },
  )

  it('413 to a body over 64 KiB, whatever is in it', async () => {
    expect(await wrongAnswers(' '.repeat(64 * 1024 + 1), 413, 'body_too_large')).toEqual([])
  })

  it.each([
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'not a type',
  ])('415 to a body of type %s', async (type) => {
    const headers = { 'content-type': type }
    expect(await wrongAnswers('a=b', 415, 'unsupported_media_type', headers)).toEqual([])
  })

  it('naming the unknown member, where members are accepted at all', async () => {
    for (const route of routes.filter(({ operation }) => operation.requestBody !== undefined)) {
      const headers = { ...credentialsFor(route), ...json }
      // Keycloak sends parameters of its clients next to its own.
      if (route.url.startsWith('/integrations/keycloak/')) continue
      const answer = await send(route, { payload: '{"isAdmin":true}', headers })
      const { errors = [] } = problemSchema.parse(answer.json())
      expect(errors.map(({ message }) => message)).toContain('Unrecognized key: "isAdmin"')
    }
  })
})

describe('every route', () => {
  it('every route refuses unknown query members', async () => {
    for (const route of routes.filter(({ url }) => !isLink.test(url))) {
      const answer = await send(route, {
        url: `${route.url}?isAdmin=true`,
        headers: credentialsFor(route),
        ...(route.operation.requestBody !== undefined && { payload: {} }),
      })
      expect([route.url, answer.statusCode]).toEqual([route.url, 400])
      expect(problemSchema.parse(answer.json()).code).toBe('invalid_request')
    }
  })

  it('every route refuses query members that come twice', async () => {
    for (const route of routes.filter(({ url }) => !isLink.test(url))) {
      for (const { in: place, name } of route.operation.parameters ?? []) {
        if (place !== 'query') continue
        const url = `${route.url}?${name}=1&${name}=1`
        const payload = { user: 'ada' }
        const answer = await send(route, {
          url,
          headers: credentialsFor(route),
          ...(route.method !== 'GET' && { payload }),
        })
        // A list in place of an id is an ill-formed id, which looks like an unknown one.
        expect([url, [400, 404].includes(answer.statusCode)]).toEqual([url, true])
      }
    }
  })
})

describe('an ill-formed id', () => {
  const readChallenge = async () => ({ refused: 'not_found' }) as const
  const readUser = readChallenge

  async function bodiesOf(urls: string[]): Promise<string[]> {
    await using other = await anApp({ readChallenge, readUser, listChallenges: readChallenge })
    const bodies: string[] = []
    for (const url of urls) {
      const answer = await other.inject({ url, headers: bearer })
      expect([url, answer.statusCode]).toEqual([url, 404])
      bodies.push(answer.body)
    }
    return bodies
  }

  it('an ill-formed id in a path is answered with the same bytes as an unknown one', async () => {
    const [unknown, ...illFormed] = await bodiesOf([
      `/v1/challenges/${anId('challenge')}`,
      '/v1/challenges/1',
      `/v1/challenges/${anId('user')}`,
      `/v1/challenges/${anId('challenge').toUpperCase()}`,
      `/v1/challenges/${anId('challenge')}x`,
      `/v1/challenges/chl_${'8'.repeat(26)}`,
      '/v1/challenges/%00',
      `/v1/challenges/${'x'.repeat(2000)}`,
    ])
    expect(new Set(illFormed)).toEqual(new Set([unknown]))
  })

  it('an ill-formed id in a query is answered with the same bytes as an unknown one', async () => {
    const [unknown, illFormed] = await bodiesOf([
      `/v1/challenges?userId=${anId('user')}`,
      '/v1/challenges?userId=1',
    ])
    expect(illFormed).toBe(unknown)
  })

  it('as a cursor is a bad request, because cursors are ours', async () => {
    const answer = await app.inject({ url: '/v1/challenges?cursor=1', headers: bearer })
    expect(answer.statusCode).toBe(400)
  })
})

describe('an unknown address', () => {
  it('an unknown address is a 404 problem with the headers of every answer', async () => {
    const answer = await app.inject({ method: 'PUT', url: '/v2/nothing' })
    expect(answer.statusCode).toBe(404)
    expect(problemSchema.parse(answer.json()).code).toBe('not_found')
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })

  it('a malformed address is a 400 problem', async () => {
    const answer = await app.inject({ url: '/v1/users/%E0%A4%A' })
    expect(answer.statusCode).toBe(400)
    expect(problemSchema.parse(answer.json()).code).toBe('invalid_request')
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })
})

describe('every answer', () => {
  it('is never stored, sniffed or framed, and says nothing of the software', async () => {
    for (const url of ['/health/live', '/v1/tenant', `/v1/challenges/${anId('challenge')}`]) {
      const { headers } = await app.inject({ url })
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'strict-transport-security': 'max-age=31536000; includeSubDomains',
      })
      expect(headers).not.toHaveProperty('x-powered-by')
      expect(headers).not.toHaveProperty('server')
    }
  })
})
