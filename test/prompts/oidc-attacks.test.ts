// What a thief with a link, a form, a cookie or another client cannot make of the provider.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browserCookie, promptCookie } from '../../src/prompts/page/prompt-cookie.http.ts'
import { createOtherTenant } from '../support/other-tenant.ts'
import { createApi } from '../support/running-service.ts'
import { callback, numberIn, openPrompts, type PromptScene } from './prompt-scene.ts'

let scene: PromptScene
let clientId: string
let bareId: string
beforeAll(async () => {
  scene = await openPrompts()
  clientId = await scene.ofEntra()
  bareId = await scene.ofBareHints()
})
afterAll(() => scene[Symbol.asyncDispose]())

const authorizeAt = (tenantId = scene.service.tenantId) => `/t/${tenantId}/oidc/authorize`
const markup = `"><img src=x onerror=alert(1)>'&amp;<script>alert(2)</script>`

/** A person with a phone, who is asked, and approves. */
async function approvedBy(start: Awaited<ReturnType<PromptScene['begin']>>, oid: string) {
  const phone = await scene.aPhone({ user: oid })
  const { text } = await start.browser.read(start.path)
  await phone.client.approve(await scene.questionAt(phone), numberIn(text))
  await start.browser.read(start.path)
}

describe('a page elsewhere that navigates a victim', () => {
  test('asks nobody, however often, and leaves the owner their own way in', async () => {
    const phone = await scene.aPhone({ user: 'victim' })
    const victim = scene.aBrowser()
    const own = await scene.beginBare(bareId, 'victim', victim)
    await victim.post(`${own.path}/ask`)
    const { text } = await victim.read(own.path)
    await phone.client.approve(await scene.questionAt(phone), numberIn(text))
    for (let at = 0; at < 8; at++) {
      const query = new URLSearchParams(scene.bareRequest(bareId, 'victim'))
      const led = await victim.read(`${authorizeAt()}?${query}`, 'cross-site')
      const path = led.headers.get('location') ?? ''
      await victim.read(path, 'cross-site')
      expect((await victim.post(`${path}/ask`, {}, 'cross-site')).status).toBe(403)
    }
    expect((await phone.client.pending()).requests).toEqual([])
    const next = await scene.beginBare(bareId, 'victim', victim)
    await victim.post(`${next.path}/ask`)
    await scene.questionAt(phone)
  })

  test('with the form of a thief helps nobody: the answer stays in the browser of the victim', async () => {
    const oid = scene.stranger()
    const thief = await scene.begin(clientId, { claims: { oid } })
    const victim = scene.aBrowser()
    const led = await victim.post(authorizeAt(), thief.form, 'cross-site')
    // The hint opened the prompt of the thief: the victim reads nothing, and types no number.
    expect(led.headers.getSetCookie()).toEqual([])
    expect((await victim.read(thief.path)).status).toBe(404)
  })
})

describe('two sign-ins in one browser', () => {
  test('each answer has the state and nonce of its own request', async () => {
    const people = [scene.stranger(), scene.stranger()] as const
    const browser = scene.aBrowser()
    const first = await scene.begin(clientId, { claims: { oid: people[0] } }, browser)
    const second = await scene.begin(clientId, { claims: { oid: people[1] } }, browser)
    await approvedBy(second, people[1])
    await approvedBy(first, people[0])
    const answers = []
    for (const { path } of [first, second]) {
      answers.push((await browser.post(`${path}/return`)).text)
    }
    const [one = '', other = ''] = answers
    const decide = (text: string, of: typeof first) => scene.entraDecision(text, of.form, clientId)
    expect(await decide(one, first)).toBe('signed in')
    expect(await decide(other, second)).toBe('signed in')
    expect(await decide(one, second)).toBe('state')
    const otherForm = { ...first.form, state: String(second.form.state) }
    expect(await decide(other, { ...first, form: otherForm })).toMatch(/nonce/)
  })

  test('the cookie of one opens no other, and none of them says who somebody is', async () => {
    const browser = scene.aBrowser()
    const [first, second] = [
      await scene.beginBare(bareId, 'ada', browser),
      await scene.beginBare(bareId, 'grace', browser),
    ]
    const cookies = [...browser.jar.values()].map(({ path }) => path)
    expect(cookies).toEqual([first.path, second.path])
    const thief = scene.aBrowser()
    const [key = '', cookie] = [...browser.jar][0] ?? []
    thief.jar.set(key, { path: '/', value: cookie?.value ?? '' })
    expect((await thief.read(first.path)).status).toBe(200)
    expect((await thief.read(second.path)).status).toBe(404)
  })
})

describe('a cookie', () => {
  test('that was planted before is not the one of the prompt that follows', async () => {
    const { service } = scene
    const foreignSecret = 'A'.repeat(43)
    const victim = scene.aBrowser()
    victim.jar.set('countersign-prompt /', { path: '/', value: foreignSecret })
    const { path } = await scene.beginBare(bareId, 'ada', victim)
    const own = [...victim.jar.values()].find((one) => one.path === path)?.value
    expect(own).toMatch(/^[\w-]{43}$/)
    expect(own).not.toBe(foreignSecret)
    const thief = scene.aBrowser()
    thief.jar.set('countersign-prompt /', { path: '/', value: foreignSecret })
    expect((await thief.read(path)).status).toBe(404)
    expect(service.origin.startsWith('http:')).toBe(true)
  })

  test('is out of the reach of scripts, other sites and plain http, and belongs to one prompt', () => {
    const ids = ['tnt_1', 'prm_1'] as never as [never, never]
    expect(promptCookie('https://push.example', ...ids)).toEqual({
      name: '__Secure-countersign-prompt',
      options: {
        ...{ httpOnly: true, secure: true, sameSite: 'lax', maxAge: 660 },
        path: '/t/tnt_1/prompt/prm_1',
      },
    })
    expect(browserCookie('https://push.example')).toMatchObject({
      name: '__Host-countersign-browser',
      options: { httpOnly: true, secure: true, sameSite: 'lax', path: '/' },
    })
  })
})

describe('the way back', () => {
  test.each(['redirect_uri', 'to', 'return', 'next', 'url'])(
    'leads to the registered address alone, whatever %s says',
    async (name) => {
      const { browser, path } = await scene.beginBare(bareId, 'ada')
      await browser.post(`${path}/cancel`)
      const evil = 'https://evil.example/'
      const byAddress = await browser.post(`${path}/return?${name}=${encodeURIComponent(evil)}`)
      expect([byAddress.status, byAddress.headers.get('location')]).toEqual([400, null])
      const byForm = await browser.post(`${path}/return`, { [name]: evil })
      expect([byForm.status, byForm.headers.get('location')]).toEqual([400, null])
      const { headers } = await browser.post(`${path}/return`)
      expect(headers.get('location')?.startsWith(`${callback}?`)).toBe(true)
    },
  )

  test('of an address that is not registered any more leads nowhere', async () => {
    const settings = { kind: 'oidc_code', clientAuthentication: 'client_secret_basic' }
    const { json } = await scene.service.api('POST', '/v1/integrations', {
      ...{ relyingPartyId: scene.relyingPartyId, name: 'Payroll' },
      settings: { ...settings, redirectUris: [callback], bareLoginHintAllowed: true },
    })
    const { browser, path } = await scene.beginBare(json.id, 'ada')
    await browser.post(`${path}/cancel`)
    await scene.service.api('PATCH', `/v1/integrations/${json.id}`, {
      settings: { ...settings, redirectUris: ['https://other.example/'] },
    })
    const { status, headers, text } = await browser.post(`${path}/return`)
    expect([status, headers.get('location')]).toEqual([400, null])
    expect(text).not.toContain(callback)
  })

  test('posts a state of others as text, to the registered origin alone', async () => {
    const form = { ...(await scene.entraForm(clientId)), state: markup }
    const browser = scene.aBrowser()
    const led = await browser.post(authorizeAt(), form, 'cross-site')
    const path = led.headers.get('location') ?? ''
    await browser.post(`${path}/cancel`)
    const { text, headers } = await browser.post(`${path}/return`)
    expect(text).not.toMatch(/<img|alert\(2\)<\/script>/)
    expect(text).toContain('value="&quot;&gt;&lt;img src=x')
    const policy = headers.get('content-security-policy') ?? ''
    expect(/form-action ([^;]*)/.exec(policy)?.[1]).toBe('https://login.microsoftonline.com')
  })

  test('and every page of the way shows a name as text, and sits in no frame', async () => {
    const { browser, path } = await scene.beginBare(bareId, markup)
    const error = new URLSearchParams({ ...scene.bareRequest('int_x', markup), state: markup })
    const pages = [await browser.read(path), await browser.read(`${authorizeAt()}?${error}`)]
    await browser.post(`${path}/cancel`)
    pages.push(await browser.read(path), await browser.read(path.slice(0, -1)))
    const form = { ...(await scene.entraForm(clientId)), state: markup, nonce: '' }
    pages.push(await browser.post(authorizeAt(), form, 'cross-site'))
    expect(pages.map(({ status }) => status)).toEqual([200, 401, 200, 404, 200])
    for (const { text, headers } of pages) {
      expect(text).not.toMatch(/<img|alert\(2\)<\/script>/)
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    }
    expect(pages[0]?.text).toContain('&lt;img src=x')
  })
})

describe('another tenant', () => {
  test('has no clients of this one, and this one none of it', async () => {
    const { service } = scene
    const { tenantId, key } = await createOtherTenant(service)
    const api = createApi(service.origin, key)
    const relyingPartyId = (await api('GET', '/v1/relying-parties')).json.items[0].id
    const { entraTenantId, applicationId } = scene.entra
    const { json } = await api('POST', '/v1/integrations', {
      ...{ relyingPartyId, name: 'Theirs' },
      settings: { kind: 'entra_external_mfa', entraTenantId, applicationId },
    })
    const browser = scene.aBrowser()
    const theirs = await scene.entraForm(json.id)
    const ours = await scene.entraForm(clientId)
    expect((await browser.post(authorizeAt(), theirs)).status).toBe(401)
    expect((await browser.post(authorizeAt(tenantId), ours)).status).toBe(401)
    const { path } = await scene.begin(clientId, {}, browser)
    expect((await browser.read(path)).status).toBe(200)
    const elsewhere = path.replace(service.tenantId, tenantId)
    const [[cookieKey = '', cookie] = []] = [...browser.jar]
    browser.jar.set(cookieKey, { path: '/', value: cookie?.value ?? '' })
    expect((await browser.read(elsewhere)).status).toBe(404)
  })
})

describe('a name that nobody has', () => {
  test('gets a number like any other: as long, new at each round, never the same', async () => {
    await scene.aPhone({ user: 'somebody' })
    const numbersOf = async (name: string) => {
      const { browser, path } = await scene.beginBare(bareId, name)
      await browser.post(`${path}/ask`)
      const first = numberIn((await browser.read(path)).text)
      await browser.post(`${path}/more`)
      return [first, numberIn((await browser.read(path)).text)]
    }
    const ofSomebody = await numbersOf('somebody')
    const ofNobody = []
    for (let at = 0; at < 8; at++) ofNobody.push(...(await numbersOf(`nobody-${at % 2}`)))
    for (const number of [...ofSomebody, ...ofNobody]) expect(number).toMatch(/^\d{6}$/)
    expect(new Set(ofNobody).size).toBeGreaterThan(14)
  })
})

test('a prompt whose time is over asks nobody, whatever is pressed', async () => {
  const phone = await scene.aPhone({ user: 'late' })
  const { browser, path } = await scene.beginBare(bareId, 'late')
  await scene.query(`update prompts set expires_at = clock_timestamp() where id = $1`, [
    path.split('/').at(-1),
  ])
  for (const action of ['ask', 'more', 'again']) await browser.post(`${path}/${action}`)
  await browser.read(path)
  expect((await phone.client.pending()).requests).toEqual([])
  const { headers } = await browser.post(`${path}/return`)
  const { searchParams } = new URL(headers.get('location') ?? '')
  expect(searchParams.get('error')).toBe('access_denied')
})

describe('an approval that a browser keeps back', () => {
  /** A browser whose person approved, and whose prompt has been over for some seconds. */
  async function approvedBefore(seconds: number, id: string) {
    const oid = scene.stranger()
    const phone = await scene.aPhone({ user: oid })
    const ofEntra = id === clientId
    const start = ofEntra
      ? await scene.begin(id, { claims: { oid } })
      : await scene.beginBare(id, oid)
    if (!ofEntra) await start.browser.post(`${start.path}/ask`)
    const number = numberIn((await start.browser.read(start.path)).text)
    await phone.client.approve(await scene.questionAt(phone), number)
    await start.browser.read(start.path)
    await scene.query(
      `update prompts set expires_at = clock_timestamp() - $2 * interval '1 s' where id = $1`,
      [start.path.split('/').at(-1), seconds],
    )
    return start
  }

  test('is no answer a minute after the end of its prompt', async () => {
    for (const id of [clientId, bareId]) {
      const { browser, path } = await approvedBefore(61, id)
      const { status, headers, text } = await browser.post(`${path}/return`)
      expect([status, headers.get('location'), text]).toEqual([303, path, ''])
      const page = await browser.read(path)
      expect(page.text).toContain('This sign-in was finished before.')
      expect(page.text).not.toContain('/return')
    }
  })

  test('is one in the minute before', async () => {
    const { browser, path } = await approvedBefore(50, clientId)
    expect((await browser.read(path)).text).toContain('/return')
    expect((await browser.post(`${path}/return`)).text).toContain('name="id_token"')
    await scene.query(
      `update prompts set expires_at = expires_at - interval '20 s' where id = $1`,
      [path.split('/').at(-1)],
    )
    // The same again counts from the first.
    expect((await browser.post(`${path}/return`)).text).toContain('name="id_token"')
  })
})
