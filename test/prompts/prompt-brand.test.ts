// The pages of a prompt in the look of its tenant.

import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aPng } from '../domain/logos.ts'
import { createOtherTenant } from '../support/other-tenant.ts'
import { statementCounts } from '../support/statement-counts.ts'
import { numberIn, openPrompts, type PromptScene } from './prompt-scene.ts'
import { whatIsShown } from './prompt-views.ts'

const branding = {
  displayName: 'Example University',
  accent: { light: '#7a1fa2', dark: '#d7a8ff' },
  help: ['Call 1234 when you have <lost> your phone.'],
  logo: Buffer.from(aPng(64, 32)).toString('base64'),
}

let scene: PromptScene
let clientId: string
beforeAll(async () => {
  scene = await openPrompts()
  clientId = await scene.ofEntra()
})
afterAll(() => scene[Symbol.asyncDispose]())

const setBranding = async (more: object = {}) => {
  const setting = await scene.service.api('PUT', '/v1/branding', { ...branding, ...more })
  expect(setting.status).toBe(200)
}
const removeBranding = () => scene.service.api('DELETE', '/v1/branding')

const colors = ':root{--accent:light-dark(#7a1fa2,#d7a8ff)}'
const colorsSource = `'sha256-${createHash('sha256').update(colors).digest('base64')}'`

type Answer = { readonly text: string; readonly headers: Headers }

function expectBranded({ text, headers }: Answer): void {
  const policy = headers.get('content-security-policy') ?? ''
  const logo = `/t/${scene.service.tenantId}/logo?v=`
  expect(text).toContain(`<img src="${logo}`)
  expect(text).toContain('<bdi>Example University</bdi></p>')
  expect(text).toContain('Call 1234 when you have &lt;lost&gt; your phone.')
  expect(text).toContain(`<style>${colors}</style>`)
  expect(policy).toMatch(/style-src 'sha256-[^']+' 'sha256-[^']+';/)
  expect(policy).toContain(colorsSource)
  expect(policy).toContain("img-src 'self';")
}

describe('the pages of a prompt', () => {
  test('show name, logo, colors and help of their tenant: waiting, a code, the end, the way back', async () => {
    await setBranding()
    const oid = scene.stranger()
    const phone = await scene.aPhone({ user: oid })
    const { browser, path } = await scene.begin(clientId, { claims: { oid } })
    const waiting = await browser.read(path)
    expect(waiting.text).toContain('<p><bdi>Example University</bdi> ')
    const pages = [
      waiting,
      await browser.read(`${path}/code`),
      await browser.post(`${path}/code`, { code: '12345678' }),
    ]
    await phone.client.approve(await scene.questionAt(phone), numberIn(waiting.text))
    pages.push(await browser.read(path), await browser.post(`${path}/return`))
    for (const page of pages) expectBranded(page)
    expect(pages.map(({ status }) => status)).toEqual([200, 200, 422, 200, 200])
  })

  test('look like ours again at the next load after it is removed', async () => {
    await setBranding()
    const { browser, path } = await scene.begin(clientId)
    expectBranded(await browser.read(path))
    await removeBranding()
    const { text, headers } = await browser.read(path)
    expect(text).not.toMatch(/class="(brand|help)"|<img/)
    expect(headers.get('content-security-policy')).not.toContain('img-src')
  })

  test('of another tenant show nothing of it', async () => {
    await setBranding()
    const other = await createOtherTenant(scene.service)
    await scene.query('update brandings set tenant_id = $1', [other.tenantId])
    const { browser, path } = await scene.begin(clientId)
    expect((await browser.read(path)).text).not.toContain('Example University')
    await scene.query('delete from brandings')
  })

  test('are the same, with a branding, of who exists and of who does not', async () => {
    await setBranding()
    const [withPhone, nobody] = [scene.stranger(), scene.stranger()]
    await scene.aPhone({ user: withPhone })
    const [views, viewsOfNobody] = [
      await whatIsShown(await scene.begin(clientId, { claims: { oid: withPhone } })),
      await whatIsShown(await scene.begin(clientId, { claims: { oid: nobody } })),
    ]
    expect(viewsOfNobody).toEqual(views)
    expect(JSON.stringify(views)).toContain('Example University')
  })
})

test('a page costs as many statements with a branding as without', async () => {
  const statementsOfPage = async () => {
    const { browser, path } = await scene.begin(clientId, { claims: { oid: scene.stranger() } })
    await browser.read(path)
    const before = await statementCounts(scene.service.origin)
    await browser.read(path)
    const after = await statementCounts(scene.service.origin)
    return Object.entries(after)
      .filter(([name]) => /^(find|list)_.*(prompt|integration|look|tenant|brand)/.test(name))
      .flatMap(([name, count]) => Array<string>(count - (before[name] ?? 0)).fill(name))
      .toSorted()
  }
  await removeBranding()
  const plain = await statementsOfPage()
  await setBranding()
  expect(await statementsOfPage()).toEqual(plain)
  expect(plain).toEqual(['find_prompt_page'])
})
