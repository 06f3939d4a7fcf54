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

test('the client learns that the answer is not available where its address is still at hand', async () => {
  const { browser, path, form } = await approvedPrompt()
  await onServer(databaseUrl, async (client) => {
    await client.query('begin')
    await client.query('select from prompts where id = $1 for update', [path.split('/').at(-1)])
    const { text } = await browser.post(`${path}/return`)
    const decision = await scene.entraDecision(text, form, clientId)
    expect(decision).toBe('error: temporarily_unavailable')
    await client.query('rollback')
  })
})
