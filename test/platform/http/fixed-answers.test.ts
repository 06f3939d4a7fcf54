import { gunzipSync } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fixedAnswer } from '../../../src/platform/http/fixed-answer.ts'
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
  '/docs/docs.css',
  '/docs/search.js',
]

describe.each(paths)('%s', (url) => {
  test('is compressed for clients that accept it, and plain for all others', async () => {
    const plain = await app.inject(url)
    const gzipReply = await app.inject({ url, headers: { 'accept-encoding': 'br, gzip;q=0.8' } })
    const plainReply = await app.inject({ url, headers: { 'accept-encoding': 'gzip;q=0, br' } })
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(plainReply.headers['content-encoding']).toBeUndefined()
    expect(gzipReply.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(gzipReply.rawPayload).equals(plain.rawPayload)).toBe(true)
    expect(plain.rawPayload.equals(plainReply.rawPayload)).toBe(true)
    for (const { headers } of [plain, gzipReply]) {
      expect(headers.vary).toBe('Accept-Encoding')
      expect(headers['cache-control']).toBe('public, max-age=300')
    }
    expect(plain.headers.etag).not.toBe(gzipReply.headers.etag)
  })

  test('is not sent again to a client that has it', async () => {
    const { headers } = await app.inject(url)
    const tag = String(headers.etag)
    for (const heldTags of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const again = await app.inject({ url, headers: { 'if-none-match': heldTags } })
      expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, '', tag])
    }
    const other = await app.inject({ url, headers: { 'if-none-match': '"other"' } })
    expect(other.statusCode).toBe(200)
  })
})

test('an answer is built once for concurrent requests, again only after a failure', async () => {
  let buildCount = 0
  await using own = await anApp()
  void own
  const handler = fixedAnswer({
    type: 'text/plain',
    build: async () => {
      buildCount++
      if (buildCount === 1) throw new Error('not yet')
      return 'made'
    },
  })
  const reply = () => {
    const sentBodies: unknown[] = []
    const one = {
      sent: sentBodies,
      headers: () => one,
      header: () => one,
      code: () => one,
      type: () => one,
      send: (body: unknown) => {
        sentBodies.push(body)
        return one
      },
    }
    return one
  }
  const request = (one = reply()) => handler({ headers: {} } as never, one as never)
  const first = [request(), request(), request()]
  for (const one of first) await expect(one).rejects.toThrow('not yet')
  const replies = Array.from({ length: 50 }, reply)
  await Promise.all(replies.map(request))
  expect(buildCount).toBe(2)
  expect(replies.map(({ sent }) => String(sent[0]))).toEqual(Array(50).fill('made'))
})

describe('with API_DOCS=off', () => {
  test.each(paths)('%s does not exist', async (url) => {
    await using without = await anApp({}, { apiDocs: false })
    const answer = await without.inject(url)
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'not_found'])
  })

  test('`/` mentions neither', async () => {
    await using without = await anApp({}, { apiDocs: false })
    expect((await without.inject('/')).json()).toEqual({
      name: 'Countersign',
      health: '/health/ready',
    })
    const page = await without.inject({ url: '/', headers: { accept: 'text/html' } })
    expect(page.body).not.toContain('/docs')
  })
})
