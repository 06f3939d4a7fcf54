import { gunzipSync } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fixedAnswer } from '../../src/http/fixed-answer.ts'
import { anApp } from './fixtures.ts'

let app: FastifyInstance
beforeAll(async () => {
  app = await anApp()
})
afterAll(() => app.close())

const paths = [
  '/openapi.yaml',
  '/docs',
  '/docs/json',
  '/docs/yaml',
  '/docs/static/swagger-ui.css',
  '/docs/static/swagger-ui-bundle.js',
  '/docs/static/swagger-initializer.js',
]

describe.each(paths)('%s', (url) => {
  test('is compressed for whoever takes that, and plain for everybody else', async () => {
    const plain = await app.inject(url)
    const zipped = await app.inject({ url, headers: { 'accept-encoding': 'br, gzip;q=0.8' } })
    const refused = await app.inject({ url, headers: { 'accept-encoding': 'gzip;q=0, br' } })
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(refused.headers['content-encoding']).toBeUndefined()
    expect(zipped.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(zipped.rawPayload).equals(plain.rawPayload)).toBe(true)
    expect(plain.rawPayload.equals(refused.rawPayload)).toBe(true)
    for (const { headers } of [plain, zipped]) {
      expect(headers.vary).toBe('Accept-Encoding')
      expect(headers['cache-control']).toBe('public, max-age=300')
    }
    expect(plain.headers.etag).not.toBe(zipped.headers.etag)
  })

  test('is not sent again to whoever has it', async () => {
    const { headers } = await app.inject(url)
    const tag = String(headers.etag)
    for (const held of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const again = await app.inject({ url, headers: { 'if-none-match': held } })
      expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, '', tag])
    }
    const other = await app.inject({ url, headers: { 'if-none-match': '"other"' } })
    expect(other.statusCode).toBe(200)
  })
})

test('an answer is made once, however many ask for it at once, and again only after it failed', async () => {
  let made = 0
  await using own = await anApp()
  void own
  const handler = fixedAnswer({
    type: 'text/plain',
    build: async () => {
      made++
      if (made === 1) throw new Error('not yet')
      return 'made'
    },
  })
  const reply = () => {
    const sent: unknown[] = []
    const one = {
      sent,
      headers: () => one,
      header: () => one,
      code: () => one,
      type: () => one,
      send: (body: unknown) => {
        sent.push(body)
        return one
      },
    }
    return one
  }
  const ask = (one = reply()) => handler({ headers: {} } as never, one as never)
  const first = [ask(), ask(), ask()]
  for (const one of first) await expect(one).rejects.toThrow('not yet')
  const replies = Array.from({ length: 50 }, reply)
  await Promise.all(replies.map(ask))
  expect(made).toBe(2)
  expect(replies.map(({ sent }) => String(sent[0]))).toEqual(Array(50).fill('made'))
})

describe('with API_DOCS=off', () => {
  test.each(paths)('%s is not there', async (url) => {
    await using without = await anApp({}, { apiDocs: false })
    const answer = await without.inject(url)
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'not_found'])
  })

  test('`/` names neither', async () => {
    await using without = await anApp({}, { apiDocs: false })
    expect((await without.inject('/')).json()).toEqual({
      name: 'Countersign',
      health: '/health/ready',
    })
    const page = await without.inject({ url: '/', headers: { accept: 'text/html' } })
    expect(page.body).not.toContain('/docs')
  })
})
