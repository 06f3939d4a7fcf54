import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { anApp, anId } from './fixtures.ts'

describe('health', () => {
  it('health is live without being ready', async () => {
    await using app = await anApp({}, { ready: async () => false })
    const live = await app.inject('/health/live')
    expect([live.statusCode, live.json()]).toEqual([200, { status: 'live' }])
    const ready = await app.inject('/health/ready')
    expect(ready.statusCode).toBe(503)
    expect(ready.headers['retry-after']).toBe('1')
    expect(ready.json()).toMatchObject({ code: 'unavailable' })
  })

  it.each([true, false])(
    'health answers HEAD as it answers GET, without a body: ready %s',
    async (isReady) => {
      await using app = await anApp({}, { ready: async () => isReady })
      for (const url of ['/health/live', '/health/ready']) {
        const [getReply, headReply] = [
          await app.inject(url),
          await app.inject({ method: 'HEAD', url }),
        ]
        expect([headReply.statusCode, headReply.body]).toEqual([getReply.statusCode, ''])
        for (const name of ['content-type', 'content-length', 'cache-control', 'retry-after']) {
          expect(headReply.headers[name], name).toBe(getReply.headers[name])
        }
      }
    },
  )

  it('health is not ready while stopping, answers the rest, then closes connections', async () => {
    let leaving = false
    await using app = await anApp({}, { leaving: () => leaving })
    expect((await app.inject('/health/live')).headers.connection).not.toBe('close')
    leaving = true
    const ready = await app.inject('/health/ready')
    expect([ready.statusCode, ready.headers.connection]).toEqual([503, 'close'])
    const live = await app.inject('/health/live')
    expect([live.statusCode, live.headers.connection]).toEqual([200, 'close'])
  })

  it('health is ready when it says so', async () => {
    await using app = await anApp()
    const ready = await app.inject('/health/ready')
    expect([ready.statusCode, ready.json()]).toEqual([200, { status: 'ready' }])
  })
})

describe('GET /metrics', () => {
  it('200 with the numbers in their content type', async () => {
    await using app = await anApp()
    const answer = await app.inject('/metrics')
    expect(answer.body).toBe('up 1\n')
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4')
  })

  it.each([
    ['from another machine', { remoteAddress: '203.0.113.7' }],
    ['through a proxy on this machine', { headers: { 'x-forwarded-for': '203.0.113.7' } }],
    ['under a name that resolves to this machine', { headers: { host: 'evil.example' } }],
    ['with an address as the start of its name', { headers: { host: '127.0.0.1.evil.example' } }],
  ])('404 without a token %s', async (_, from) => {
    await using app = await anApp()
    const answer = await app.inject({ url: '/metrics', ...from })
    expect(answer.json()).toMatchObject({ status: 404, code: 'not_found' })
  })

  it.each(['localhost:8080', '127.0.0.1', '[::1]:8080', 'LOCALHOST'])(
    '200 without a token as %s, from this machine',
    async (host) => {
      await using app = await anApp()
      const answer = await app.inject({ url: '/metrics', headers: { host } })
      expect(answer.statusCode).toBe(200)
    },
  )

  it('takes the configured token from anywhere, and nothing else from nearby', async () => {
    const read = async () => 'up 1\n'
    const metrics = { contentType: 'text/plain', read, token: 'a'.repeat(16) }
    await using app = await anApp({}, { metrics })
    const request = (authorization?: string) =>
      app.inject({
        url: '/metrics',
        remoteAddress: '203.0.113.7',
        headers: authorization === undefined ? {} : { authorization },
      })
    expect((await request(`Bearer ${metrics.token}`)).body).toBe('up 1\n')
    expect((await request(`Bearer ${'b'.repeat(16)}`)).json()).toMatchObject({ status: 401 })
    expect((await app.inject('/metrics')).json()).toMatchObject({ status: 401 })
  })
})

describe('the address of a QR code, opened in a browser', () => {
  const path = `/t/${anId('tenant')}/enroll`

  it('is a page that says what to do with it, loads nothing and runs nothing', async () => {
    await using app = await anApp()
    const page = await app.inject(path)
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(page.body).toContain('Scan this code with your sign-in app')
    expect(page.body).not.toMatch(/<script|src=|href=|https?:/)
    const style = /<style>([^<]*)<\/style>/.exec(page.body)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; /)
    expect(page.headers['content-security-policy']).toContain(`style-src 'sha256-${hash}';`)
    expect(page.headers['referrer-policy']).toBe('no-referrer')
  })

  it('is one page for every tenant, and 404 where no tenant can be', async () => {
    await using app = await anApp()
    const other = `/t/tnt_${'0'.repeat(26)}/enroll`
    expect((await app.inject(other)).body).toBe((await app.inject(path)).body)
    expect((await app.inject('/t/x/enroll')).json()).toMatchObject({ code: 'not_found' })
  })

  it('answers at the former path of printed codes', async () => {
    await using app = await anApp()
    const former = await app.inject(`/t/${anId('tenant')}/enrol`)
    expect(former.statusCode).toBe(200)
    expect(former.body).toBe((await app.inject(path)).body)
  })
})
