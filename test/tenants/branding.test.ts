import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { html } from '../../src/platform/http/pages/html.ts'
import { aJpeg, aPng } from '../domain/logos.ts'
import { createOtherTenant } from '../support/other-tenant.ts'
import { type RunningService, startTestService } from '../support/running-service.ts'

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
  const policy = await service.api('PATCH', '/v1/policy', { portalSignIn: 'link_or_device' })
  expect(policy.status).toBe(200)
})
afterAll(() => service[Symbol.asyncDispose]())
beforeEach(() => service.api('DELETE', '/v1/branding'))

const accent = { light: '#7a1fa2', dark: '#d7a8ff' }
const branding = {
  displayName: 'Example University',
  accent,
  help: ['Call 1234 when you have lost your phone.', 'مرحبا'],
}
const inBase64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
const put = (more: object = {}) => service.api('PUT', '/v1/branding', { ...branding, ...more })

/** The first page of the entrance of the portal. */
async function readPage() {
  const { items } = (await service.api('GET', '/v1/relying-parties')).json
  const path = `/t/${service.tenantId}/me/sign-in/${items[0].id}`
  const answer = await fetch(service.origin + path, { headers: { accept: 'text/html' } })
  return { policy: answer.headers.get('content-security-policy') ?? '', text: await answer.text() }
}
const readLogo = (query = '') => fetch(`${service.origin}/t/${service.tenantId}/logo${query}`)
const sourceOf = (style: string) =>
  `'sha256-${createHash('sha256').update(style).digest('base64')}'`

describe('the branding of a tenant', () => {
  test('is read as it was set, and is gone when it is removed', async () => {
    expect((await service.api('GET', '/v1/branding')).status).toBe(404)
    expect((await put()).json).toMatchObject({ ...branding, logo: null })
    expect((await service.api('GET', '/v1/branding')).json).toMatchObject(branding)
    expect((await service.api('DELETE', '/v1/branding')).status).toBe(204)
    expect((await service.api('GET', '/v1/branding')).status).toBe(404)
    expect((await service.api('DELETE', '/v1/branding')).status).toBe(404)
  })

  test('is replaced as a whole: a logo that is left out is removed', async () => {
    const first = await put({ logo: inBase64(aPng(64, 32)) })
    expect(first.json.logo).toMatchObject({ type: 'image/png', width: 64, height: 32 })
    expect((await readLogo()).status).toBe(200)
    expect((await put({ help: [] })).json).toMatchObject({ help: [], logo: null })
    expect((await readLogo()).status).toBe(404)
  })

  test('is on record with who changed it', async () => {
    await put({ logo: inBase64(aPng()) })
    await service.api('DELETE', '/v1/branding')
    const { items } = (await service.api('GET', '/v1/audit-events')).json
    const [removed, changed] = items
    expect(removed).toMatchObject({ type: 'branding_removed', subject: service.tenantId })
    expect(changed).toMatchObject({
      type: 'branding_changed',
      actor: expect.stringMatching(/^api_key:/),
      details: { displayName: 'Example University', accentLight: accent.light, help: 2 },
    })
  })

  test('is that of its tenant alone', async () => {
    await put({ logo: inBase64(aPng()) })
    const other = await createOtherTenant(service)
    const reading = await fetch(`${service.origin}/v1/branding`, {
      headers: { authorization: `Bearer ${other.key}` },
    })
    expect(reading.status).toBe(404)
    const logo = await fetch(`${service.origin}/t/${other.tenantId}/logo`)
    expect(logo.status).toBe(404)
  })

  test.each<[string, object]>([
    ['a color that nobody can read', { accent: { ...accent, light: '#cccccc' } }],
    ['a color that is no color', { accent: { ...accent, dark: 'red;}*{display:none' } }],
    ['a color in capitals', { accent: { ...accent, dark: '#FFFFFF' } }],
    ['a third color', { accent: { ...accent, paper: '#000000' } }],
    ['a name that turns the text around', { displayName: 'abc\u202Edef' }],
    ['no name', { displayName: ' ' }],
    ['a name without end', { displayName: 'a'.repeat(61) }],
    ['a line break in a line', { help: ['a\nb'] }],
    ['too many lines', { help: Array(11).fill('a') }],
    ['a logo that is no Base64', { logo: '<svg/>' }],
    ['an SVG', { logo: inBase64(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')) }],
    ['a logo of one byte too many', { logo: inBase64(aPng(9, 9, 32_001 - aPng(9, 9, 0).length)) }],
    ['a logo that is too wide', { logo: inBase64(aPng(1025, 1)) }],
    ['a member that nobody knows', { css: '*{}' }],
  ])('is never %s', async (_, change) => {
    const answer = await put(change)
    expect(answer.status).toBe(400)
    expect(answer.json.code).toBe('invalid_request')
    expect((await service.api('GET', '/v1/branding')).status).toBe(404)
  })

  test('may have the largest logo', async () => {
    const logo = aPng(1024, 1024, 32_000 - aPng(1024, 1024, 0).length)
    expect((await put({ logo: inBase64(logo) })).status).toBe(200)
    expect(Buffer.from(await (await readLogo()).arrayBuffer()).equals(logo)).toBe(true)
  })
})

describe('a logo', () => {
  test.each([
    ['image/png', aPng()],
    ['image/jpeg', aJpeg()],
  ])(
    'is served as %s and as nothing else, permanently under the name of its bytes',
    async (type, bytes) => {
      const { logo } = (await put({ logo: inBase64(bytes) })).json
      const hash = createHash('sha256').update(bytes).digest('hex')
      expect(logo.path).toBe(`/t/${service.tenantId}/logo?v=${hash}`)
      const answer = await fetch(service.origin + logo.path)
      expect(answer.headers.get('content-type')).toBe(type)
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'public, max-age=31536000, immutable',
      })
      expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
    },
  )

  test('under another name, or none, is asked for each time', async () => {
    await put({ logo: inBase64(aPng()) })
    for (const query of ['', `?v=${'0'.repeat(64)}`]) {
      expect((await readLogo(query)).headers.get('cache-control')).toBe('no-cache')
    }
    expect((await readLogo('?v=short')).status).toBe(400)
  })
})

describe('the pages of a tenant', () => {
  test('look like ours without a branding: no picture, one style sheet', async () => {
    const { policy, text } = await readPage()
    expect(policy).not.toContain('img-src')
    expect(policy.match(/sha256-/g)).toHaveLength(1)
    expect(text).not.toMatch(/class="(brand|help)"/)
  })

  test('show its name, help and colors, under a policy that names just those', async () => {
    await put()
    const { policy, text } = await readPage()
    const style = ':root{--accent:light-dark(#7a1fa2,#d7a8ff)}'
    expect(text).toContain(`<style>${style}</style>`)
    expect(policy).toContain(sourceOf(style))
    expect(policy).not.toMatch(/unsafe|img-src/)
    expect(text).toContain('<bdi>Example University</bdi>')
    expect(text).toContain('<p dir="auto">Call 1234 when you have lost your phone.</p>')
  })

  test('show its logo, from our own origin only', async () => {
    const { logo } = (await put({ logo: inBase64(aPng(64, 32)) })).json
    const { policy, text } = await readPage()
    expect(policy).toContain("img-src 'self'")
    expect(text).toContain(`<img src="${logo.path}" alt="" width="64" height="32">`)
    expect(text).toContain(`<link rel="icon" href="${logo.path}">`)
  })

  test('show texts of others as text', async () => {
    const hostile = '<img src=x onerror=alert(1)>"\'&'
    expect((await put({ displayName: hostile, help: [hostile, '</style>'] })).status).toBe(200)
    const { text } = await readPage()
    expect(text).not.toContain('<img src=x')
    expect(text).toContain(html`<bdi>${hostile}</bdi>`.text)
    expect(text.match(/<\/style>/g)).toHaveLength(2)
  })
})
