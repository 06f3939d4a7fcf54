// A prompt whose service loses its database in the middle: it fails closed, and recovers.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { onServer } from '../support/cluster.ts'
import { createTestDatabase } from '../support/database.ts'
import { startDatabaseLine } from '../support/tcp-proxy.ts'
import { numberIn, openPrompts, type PromptScene } from './prompt-scene.ts'

const stack = new AsyncDisposableStack()
let scene: PromptScene
let line: Awaited<ReturnType<typeof startDatabaseLine>>
let databaseUrl: string
let clientId: string
beforeAll(async () => {
  const database = stack.use(await createTestDatabase())
  databaseUrl = database.url
  line = await startDatabaseLine(database.url)
  stack.defer(() => line.close())
  scene = await openPrompts({ database: { url: line.url, schema: 'public', connections: 10 } })
  stack.use(scene)
  clientId = await scene.ofEntra()
})
afterAll(() => stack.disposeAsync())

async function approvedPrompt() {
  const phone = await scene.aPhone()
  const start = await scene.begin(clientId)
  const page = await start.browser.read(start.path)
  await phone.client.approve(await scene.questionAt(phone), numberIn(page.text))
  expect((await start.browser.read(start.path)).text).toContain('Confirmed')
  return start
}

test('an approval that cannot be read is no answer, until it can be read again', async () => {
  const { browser, path, form } = await approvedPrompt()
  line.set('refusing')
  for (const answer of [await browser.read(path), await browser.post(`${path}/return`)]) {
    expect(answer.status).toBe(503)
    expect(answer.text).not.toContain('id_token')
  }
  line.set('open')
  const { text } = await browser.post(`${path}/return`)
  expect(await scene.entraDecision(text, form, clientId)).toBe('signed in')
})

/** While `work` runs, every write to prompts waits until its statement is given up. */
async function whilePromptsWait<T>(work: () => Promise<T>): Promise<T> {
  return onServer(databaseUrl, async (client) => {
    await client.query('begin')
    await client.query('lock table prompts in share row exclusive mode')
    const outcome = await work()
    await client.query('rollback')
    return outcome
  })
}

/** What a client of the code flow learns by its address. */
const learntBy = ({ headers }: { readonly headers: Headers }) => {
  const { searchParams } = new URL(headers.get('location') ?? '')
  return Object.fromEntries(searchParams)
}

test('the client learns that the answer is not available where its address is still at hand', async () => {
  const { browser, path, form } = await approvedPrompt()
  const { text } = await whilePromptsWait(() => browser.post(`${path}/return`))
  const decision = await scene.entraDecision(text, form, clientId)
  expect(decision).toBe('error: temporarily_unavailable')
})

test('a client of the code flow learns it with the issuer, at the start and at the end', async () => {
  const { origin, tenantId } = scene.service
  const lostDatabase = {
    error: 'temporarily_unavailable',
    iss: `${origin}/t/${tenantId}/oidc`,
    state: 's',
  }
  const id = await scene.ofBareHints()
  const { browser, path } = await scene.beginBare(id, 'ada')
  await browser.post(`${path}/cancel`)
  const end = await whilePromptsWait(() => browser.post(`${path}/return`))
  expect(learntBy(end)).toEqual(lostDatabase)
  const start = await whilePromptsWait(() =>
    browser.post(`/t/${tenantId}/oidc/authorize`, scene.bareRequest(id, 'ada'), 'cross-site'),
  )
  expect(learntBy(start)).toMatchObject(lostDatabase)
  expect(start.headers.getSetCookie()).toEqual([])
})

test('Entra learns it even where nothing can be read, and its request counts afterwards', async () => {
  const { tenantId } = scene.service
  const browser = scene.aBrowser()
  const form = await scene.entraForm(clientId)
  const address = `/t/${tenantId}/oidc/authorize`
  line.set('refusing')
  const answer = await browser.post(address, form, 'cross-site')
  const decision = await scene.entraDecision(answer.text, form, clientId)
  expect(decision).toBe('error: temporarily_unavailable')
  expect(answer.text).toContain(`action="${form.redirect_uri}"`)
  expect(answer.text).toContain(`name="state" value="${form.state}"`)
  // Nobody else's address is known by itself.
  const elsewhere = { ...form, redirect_uri: 'https://evil.example/' }
  const refused = await browser.post(address, elsewhere, 'cross-site')
  expect([refused.status, refused.text.includes('evil.example')]).toEqual([503, false])
  line.set('open')
  expect((await browser.post(address, form, 'cross-site')).status).toBe(303)
})
