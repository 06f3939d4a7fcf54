// Who looks at more than the text of a page learns no more of who exists.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPrompts, type PromptScene } from './prompt-scene.ts'

let scene: PromptScene
let clientId: string
beforeAll(async () => {
  scene = await openPrompts()
  clientId = await scene.ofBareHints()
})
afterAll(() => scene[Symbol.asyncDispose]())

/** A browser whose prompt asked a while ago: somebody with a phone, or nobody of the service. */
async function askWhileAgo(who: 'known' | 'unknown') {
  const name = scene.stranger()
  const phone = who === 'known' ? await scene.aPhone({ user: name }) : null
  const start = await scene.beginBare(clientId, name)
  await start.browser.post(`${start.path}/ask`)
  if (phone) await scene.questionAt(phone)
  await scene.query(`update prompts set round_at = round_at - interval '10 s' where id = $1`, [
    start.path.split('/').at(-1),
  ])
  return start
}

/** What an answer has in its head, without what differs each time. */
const headOf = ({ headers }: { readonly headers: Headers }, path: string) =>
  [...headers]
    .filter(([name]) => !['date', 'request-id'].includes(name))
    .map(([name, value]) => {
      return [name, value.replaceAll(path, '{path}').replace(/browser=[^;]+/, 'browser={id}')]
    })
    .toSorted()

test('the events of a prompt begin alike where somebody is asked and where nobody can be', async () => {
  const heads = []
  for (const who of ['known', 'unknown'] as const) {
    const { browser, path } = await askWhileAgo(who)
    const stream = await browser.read(`${path}/events`)
    await stream.answer.body?.cancel()
    heads.push(headOf(stream, path))
  }
  expect(heads[1]).toEqual(heads[0])
})
