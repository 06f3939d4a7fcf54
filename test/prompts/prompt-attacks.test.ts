// What another browser, another site, a curious person and a hostile client cannot do at a prompt.

import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pageAnswerMs } from '../../src/prompts/page/prompt-call.http.ts'
import { until } from '../support/until.ts'
import { numberIn, openPrompts, type PromptScene } from './prompt-scene.ts'
import { whatIsShown } from './prompt-views.ts'

let scene: PromptScene
let clientId: string
beforeAll(async () => {
  scene = await openPrompts()
  clientId = await scene.ofEntra()
})
afterAll(() => scene[Symbol.asyncDispose]())

const actions = ['ask', 'more', 'again', 'cancel', 'return', 'code'] as const
const fieldsOf = (action: string) => (action === 'code' ? { code: '123456' } : {})

describe('another browser', () => {
  test('finds nothing at the address of a prompt, whatever cookie it brings', async () => {
    const { browser, path } = await scene.begin(clientId)
    await browser.read(path)
    const own = await scene.begin(clientId)
    const [foreignKey = ''] = [...own.browser.jar.keys()]
    const foreign = own.browser.jar.get(foreignKey)?.value ?? ''
    const name = foreignKey.split(' ')[0] ?? ''
    for (const value of [null, '', 'x', randomBytes(32).toString('base64url'), foreign]) {
      const thief = scene.aBrowser()
      if (value !== null) thief.jar.set(name, { path: '/', value })
      expect((await thief.read(path)).status).toBe(404)
      expect((await thief.read(`${path}/code`)).status).toBe(404)
      expect((await thief.read(`${path}/events`)).status).toBe(404)
      for (const action of actions) {
        expect((await thief.post(`${path}/${action}`, fieldsOf(action))).status).toBe(404)
      }
    }
    expect((await browser.read(path)).status).toBe(200)
  })

  test('is answered the same where there is no such prompt', async () => {
    const { path } = await scene.begin(clientId)
    const other = `${path.slice(0, -6)}000000`
    const thief = scene.aBrowser()
    const [one, none] = [await thief.read(path), await thief.read(other)]
    expect([none.status, none.text]).toEqual([one.status, one.text])
  })
})

test('another site presses nothing, whatever it says of itself', async () => {
  const oid = scene.stranger()
  const phone = await scene.aPhone({ user: oid })
  const { browser, path } = await scene.begin(clientId, { claims: { oid } })
  await browser.read(path)
  await scene.questionAt(phone)
  for (const site of ['cross-site', 'same-site', 'none']) {
    for (const action of actions) {
      const init = {
        method: 'POST',
        body: new URLSearchParams(fieldsOf(action)),
        headers: { 'sec-fetch-site': site },
      }
      expect((await browser.send(`${path}/${action}`, init)).status).toBe(403)
    }
    expect((await browser.read(`${path}/events`, site)).status).toBe(403)
  }
  await until('the page knows', async () => {
    return (await browser.read(path)).text.includes('Your phone has it')
  })
  expect((await phone.client.pending()).requests).toHaveLength(1)
})

test('no page can be framed, cached or made to send its forms elsewhere', async () => {
  const { browser, path } = await scene.begin(clientId)
  for (const address of [path, `${path}/code`]) {
    const { headers } = await browser.read(address)
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[^']+';/)
    expect(policy).toContain("form-action 'self' https://login.microsoftonline.com;")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
  }
})

describe('a curious person', () => {
  test('sees the same of who exists, who does not, and who may not be asked', async () => {
    const people = Array.from({ length: 4 }, () => scene.stranger())
    const [withPhone = '', without = '', suspended = '', nobody = ''] = people
    await scene.aPhone({ user: withPhone })
    await scene.service.api('POST', '/v1/users', { displayName: 'x', identifiers: [without] })
    const { userId } = await scene.aPhone({ user: suspended })
    await scene.service.api('PATCH', `/v1/users/${userId}`, { status: 'suspended' })
    const usualPages = await whatIsShown(
      await scene.begin(clientId, { claims: { oid: withPhone } }),
    )
    for (const oid of [without, suspended, nobody]) {
      const start = await scene.begin(clientId, { claims: { oid } })
      expect(await whatIsShown(start)).toEqual(usualPages)
    }
  })

  test('gets no answer of a page before its time, whatever there was to read or to call off', async () => {
    const { browser, path } = await scene.begin(clientId, { claims: { oid: scene.stranger() } })
    // What is loaded at the first call takes longer by itself.
    await browser.read(path)
    const reads = ['', '/code', '/events'].map((page) => () => browser.read(path + page))
    const presses = actions.map((one) => () => browser.post(`${path}/${one}`, fieldsOf(one)))
    for (const act of [...reads, ...presses]) {
      const startedAt = performance.now()
      await act()
      // A timer may fire within the millisecond before.
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(pageAnswerMs - 1)
    }
  })

  test('gets the page before anybody is looked up', async () => {
    const { browser, path } = await scene.begin(clientId, { claims: { oid: scene.stranger() } })
    // The refusal is recorded for admins, and shown to nobody else.
    await scene.triedToAsk(clientId, () => browser.read(path))
    expect((await browser.read(path)).text).toContain('Waiting for your phone.')
  })
})

describe('bombing', () => {
  test('ends with the numbers of a prompt: no press wakes a phone more often', async () => {
    const oid = scene.stranger()
    const phone = await scene.aPhone({ user: oid })
    const { browser, path } = await scene.begin(clientId, { claims: { oid } })
    await browser.read(path)
    await scene.questionAt(phone)
    for (let at = 0; at < 5; at++) {
      for (const action of ['ask', 'more', 'again']) await browser.post(`${path}/${action}`)
    }
    const { requests } = await phone.client.pending()
    expect(requests.length).toBeLessThanOrEqual(2)
    const [row] = await scene.query<{ round: number }>('select round from prompts where id = $1', [
      path.split('/').at(-1),
    ])
    expect(row?.round).toBe(2)
  })
})

describe('a text of others', () => {
  const markup = `"><img src=x onerror=alert(1)>'&amp;<script>alert(2)</script>`

  test('is text on every page: names of the person and the application, and the browser', async () => {
    const id = await scene.ofEntra({}, { name: markup.slice(0, 64) })
    const oid = scene.stranger()
    const { browser, path } = await scene.begin(
      id,
      { claims: { oid, preferred_username: markup, name: markup } },
      scene.aBrowser(`Firefox/1 ${markup}`),
    )
    const running = [path, `${path}/code`, `${path}?ui_locales=${encodeURIComponent(markup)}`]
    const pages = []
    for (const address of running) pages.push(await browser.read(address))
    await browser.post(`${path}/cancel`)
    pages.push(await browser.read(path), await browser.post(`${path}/return`))
    for (const { status, text, headers } of pages) {
      expect(status).toBe(200)
      expect(text).not.toMatch(/<img|alert\(2\)<\/script>/)
      const [, script] = /<script>(.*?)<\/script>/s.exec(text) ?? []
      const hash = createHash('sha256')
        .update(script ?? '')
        .digest('base64')
      if (script) expect(headers.get('content-security-policy')).toContain(hash)
    }
    expect(pages[0]?.text).toContain('&lt;img src=x')
  })

  test('that reorders what is read is not shown of a bare hint, and is isolated', async () => {
    const id = await scene.ofBareHints()
    const { browser, path } = await scene.beginBare(id, '\u202Eada@example.com')
    const { text } = await browser.read(path)
    expect(text).not.toContain('\u202E')
    expect(text).toMatch(/<bdi>ada/)
  })
})

test('a prompt is followed by a few pages at a time, and each sees its end', async () => {
  const { browser, path } = await scene.begin(clientId)
  await browser.read(path)
  const streams = await Promise.all(Array.from({ length: 4 }, () => browser.read(`${path}/events`)))
  expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect((await browser.read(`${path}/events`)).status).toBe(429)
  await browser.post(`${path}/cancel`)
  for (const { answer } of streams) {
    const events = (await answer.text()).match(/^data: .*$/gm) ?? []
    expect(events.at(-1)).toBe('data: {"page":"over 1","text":""}')
  }
  const late = await browser.read(`${path}/events`)
  expect([late.status, await late.answer.text()]).toEqual([
    200,
    'event: prompt\ndata: {"page":"over 1","text":""}\n\n',
  ])
})

test('a link with a number of its own shows none, and the number is never in an address', async () => {
  const { browser, path } = await scene.begin(clientId)
  const { text } = await browser.read(path)
  expect((await browser.read(`${path}?number=123456`)).status).toBe(400)
  expect(path).not.toContain(numberIn(text))
})
