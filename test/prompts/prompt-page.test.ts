// The page of a prompt over HTTP: what a person sees and presses, and what becomes of it.

import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { callback, numberIn, openPrompts, type PromptScene } from './prompt-scene.ts'

let scene: PromptScene
let clientId: string
beforeAll(async () => {
  scene = await openPrompts()
  clientId = await scene.ofEntra()
})
afterAll(() => scene[Symbol.asyncDispose]())

/** A person of their own, with a phone, whom a browser is sent about. */
async function aPerson(options: Parameters<PromptScene['ofEntra']>[0] = {}) {
  const oid = scene.stranger()
  const phone = await scene.aPhone({ user: oid })
  const id = Object.keys(options).length === 0 ? clientId : await scene.ofEntra(options)
  const start = await scene.begin(id, { claims: { oid } })
  return { phone, oid, id, ...start }
}

describe('a person whom the client names', () => {
  test('types the number on the phone, and Entra learns it', async () => {
    await scene.aPhone()
    const phone = await scene.aPhone()
    const { browser, path, form } = await scene.begin(clientId)
    const page = await browser.read(path)
    expect(page.status).toBe(200)
    expect(page.text).toContain('Firefox on Linux')
    expect(page.text).toContain('ada@example.com')
    await phone.client.approve(await scene.questionAt(phone), numberIn(page.text))
    const approvedPage = await browser.read(path)
    expect(approvedPage.text).toContain('<h1>Confirmed</h1>')
    const posting = await browser.post(`${path}/return`)
    expect(await scene.entraDecision(posting.text, form, clientId)).toBe('signed in')
    const policy = posting.headers.get('content-security-policy')
    expect(policy).toContain('form-action https://login.microsoftonline.com;')
  })

  test('is asked once: a reload, a second tab and a second form are the same prompt', async () => {
    const { phone, browser, path, form } = await aPerson()
    const { tenantId } = scene.service
    const number = numberIn((await browser.read(path)).text)
    const again = await browser.post(`/t/${tenantId}/oidc/authorize`, form, 'cross-site')
    expect(again.headers.get('location')).toBe(path)
    await scene.questionAt(phone)
    const pages = await Promise.all([browser.read(path), browser.read(path)])
    expect(pages.map(({ text }) => numberIn(text))).toEqual([number, number])
    expect((await phone.client.pending()).requests).toHaveLength(1)
  })

  test('sees that the phone has it, and how many tries are left', async () => {
    const { phone, browser, path } = await aPerson()
    const first = await browser.read(path)
    expect(first.text).toContain('Waiting for your phone.')
    const question = await scene.questionAt(phone)
    const wrong = numberIn(first.text) === '000000' ? '111111' : '000000'
    await phone.client.approve(question, wrong).catch(() => undefined)
    const text = await until('the page knows', async () => {
      const page = await browser.read(path)
      return page.text.includes('Your phone has it.') ? page.text : undefined
    })
    expect(text).toMatch(/Your phone has it\. [12] tr(y is|ies are) left\./)
  })

  test.each([
    ['deny', 'It was not approved', 'access_denied'],
    ['report', 'Your organisation has been told', 'access_denied'],
  ] as const)('who presses %s sees it, and the client learns it', async (act, title, error) => {
    const { phone, browser, path, form, id } = await aPerson()
    await browser.read(path)
    await phone.client[act](await scene.questionAt(phone))
    expect((await browser.read(path)).text).toContain(title)
    const { text } = await browser.post(`${path}/return`)
    expect(await scene.entraDecision(text, form, id)).toBe(`error: ${error}`)
  })

  test('who cancels calls off what the phone has, and goes back', async () => {
    const { phone, browser, path, form, id } = await aPerson()
    await browser.read(path)
    await scene.questionAt(phone)
    expect((await browser.post(`${path}/cancel`)).headers.get('location')).toBe(path)
    expect((await browser.read(path)).text).toContain('It was called off')
    await until('the phone has nothing', async () => {
      return (await phone.client.pending()).requests.length === 0
    })
    const { text } = await browser.post(`${path}/return`)
    expect(await scene.entraDecision(text, form, id)).toBe('error: access_denied')
  })

  test('who does not answer in time gets one more number, and then no other', async () => {
    const { phone, browser, path, form, id } = await aPerson()
    await browser.read(path)
    await scene.questionAt(phone)
    const pass = () =>
      scene.query(
        `update prompts set round_until = clock_timestamp() - interval '1 second'
         where id = $1`,
        [path.split('/').at(-1)],
      )
    await pass()
    expect((await browser.read(path)).text).toContain('Ask again')
    const presses = [browser.post(`${path}/more`), browser.post(`${path}/more`)]
    expect((await Promise.all(presses)).map(({ status }) => status)).toEqual([303, 303])
    const second = await browser.read(path)
    expect(numberIn(second.text)).toMatch(/^\d{6}$/)
    expect(second.text).not.toContain('/more')
    await pass()
    expect((await browser.read(path)).text).toContain('Nobody answered in time')
    const { text } = await browser.post(`${path}/return`)
    expect(await scene.entraDecision(text, form, id)).toBe('error: access_denied')
  })

  test('gets the answer once more for a minute, then a page that says that it is finished', async () => {
    const { phone, browser, path, form, id } = await aPerson()
    const page = await browser.read(path)
    await phone.client.approve(await scene.questionAt(phone), numberIn(page.text))
    const answers = [await browser.post(`${path}/return`), await browser.post(`${path}/return`)]
    for (const { text } of answers) expect(text).toContain('name="id_token"')
    expect(await scene.entraDecision(answers[1]?.text ?? '', form, id)).not.toContain('error')
    // A person who comes back by the button of the browser stays.
    expect((await browser.read(path)).text).not.toContain('data-go')
    await scene.query(
      `update prompts set answered_at = clock_timestamp() - interval '2 minutes' where id = $1`,
      [path.split('/').at(-1)],
    )
    expect((await browser.post(`${path}/return`)).headers.get('location')).toBe(path)
    expect((await browser.read(path)).text).toContain('was finished before')
  })

  test('reads it in the language that they choose, on every page of it', async () => {
    const { browser, path } = await aPerson()
    const page = await browser.read(`${path}?ui_locales=nl`)
    expect(page.text).toContain('<html lang="nl"')
    const press = await browser.post(`${path}/again?ui_locales=nl`)
    const location = `${path}?ui_locales=nl&sent=again`
    expect(press.headers.get('location')).toBe(location)
    expect((await browser.read(location)).text).toContain('Bevestig dat jij het bent')
  })
})

describe('a person whom the browser names', () => {
  test('is asked by a press of the button alone, and the client gets a code', async () => {
    const id = await scene.ofBareHints()
    const phone = await scene.aPhone({ user: 'grace' })
    const { browser, path } = await scene.beginBare(id, 'grace')
    const ready = await browser.read(path)
    expect(ready.text).toContain('Ask my phone')
    expect(numberIn(ready.text)).toBe('')
    // Those are buttons of later pages.
    for (const action of ['more', 'again', 'return']) await browser.post(`${path}/${action}`)
    expect((await browser.read(path)).text).toContain('Ask my phone')
    expect((await phone.client.pending()).requests).toEqual([])
    await Promise.all([browser.post(`${path}/ask`), browser.post(`${path}/ask`)])
    const page = await browser.read(path)
    await browser.post(`${path}/ask`)
    expect(numberIn((await browser.read(path)).text)).toBe(numberIn(page.text))
    await phone.client.approve(await scene.questionAt(phone), numberIn(page.text))
    const { status, headers } = await browser.post(`${path}/return`)
    const location = new URL(headers.get('location') ?? '')
    expect([status, location.origin + location.pathname]).toEqual([303, callback])
    expect(location.searchParams.get('code')).toMatch(/^[\w-]{43}$/)
    expect(location.searchParams.get('state')).toBe('s')
  })

  test('waits for a press, too, where the integration does not ask at once', async () => {
    const { phone, browser, path } = await aPerson({ asksAtOnce: false })
    expect((await browser.read(path)).text).toContain('Ask my phone')
    await browser.post(`${path}/ask`)
    const page = await browser.read(path)
    await phone.client.approve(await scene.questionAt(phone), numberIn(page.text))
    expect((await browser.read(path)).text).toContain('Confirmed')
  })
})

test('a question that nobody was asked, because a process ended, is asked by a reload, once', async () => {
  const oid = scene.stranger()
  const { browser, path } = await scene.begin(clientId, { claims: { oid } })
  const { text } = await scene.triedToAsk(clientId, () => browser.read(path))
  const { client } = await scene.aPhone({ user: oid })
  await browser.read(path)
  expect((await client.pending()).requests).toEqual([])
  await scene.query(
    `update prompts set round_at = round_at - interval '4 seconds',
       round_until = round_until - interval '4 seconds' where id = $1`,
    [path.split('/').at(-1)],
  )
  await Promise.all([browser.read(path), browser.read(path), browser.read(path)])
  await client.approve(await scene.questionAt({ client }), numberIn(text))
  expect((await browser.read(path)).text).toContain('Confirmed')
  expect((await client.pending()).requests).toEqual([])
})

test('every page is at most 10 kB, compressed, and its script less than 1 kB', async () => {
  const { browser, path } = await aPerson()
  for (const address of [path, `${path}/code`, `${path}?ui_locales=nl`]) {
    const { text } = await browser.read(address)
    expect(gzipSync(text).length).toBeLessThanOrEqual(10_000)
    const [, script = ''] = /<script>(.*?)<\/script>/s.exec(text) ?? []
    expect(gzipSync(script).length).toBeLessThan(1_000)
  }
})
