// Who has a name, or a password, and wants the phone of its owner to ring.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { policyRules } from '../../src/domain/policy-rules.ts'
import { until } from '../support/until.ts'
import { numberIn, openPrompts, type PromptBrowser, type PromptScene } from './prompt-scene.ts'

let scene: PromptScene
let bareId: string
beforeAll(async () => {
  scene = await openPrompts()
  bareId = await scene.ofBareHints()
})
afterAll(() => scene[Symbol.asyncDispose]())

type Phone = Awaited<ReturnType<PromptScene['aPhone']>>
const pendingAt = async ({ client }: Phone) => (await client.pending()).requests

/** A browser asks about this name, and sees what the page says then. */
async function ask(name: string, browser: PromptBrowser = scene.aBrowser()) {
  const start = await scene.beginBare(bareId, name, browser)
  await browser.post(`${start.path}/ask`)
  const { status, text } = await browser.read(start.path)
  return { ...start, status, number: numberIn(text), text }
}

/** The owner signs in: the browser is remembered from then on. */
async function signIn(name: string, phone: Phone, browser: PromptBrowser) {
  const before = new Set((await pendingAt(phone)).map(({ challengeId }) => challengeId))
  const { number, path } = await ask(name, browser)
  const question = await until('the owner is asked', async () =>
    (await pendingAt(phone)).find(({ challengeId }) => !before.has(challengeId)),
  )
  await phone.client.approve(question, number)
  expect((await browser.read(path)).text).toContain('Confirmed')
}

/** How often the door could ask nobody. */
const refusals = async () => (await scene.service.api('GET', `/v1/integrations/${bareId}`)).json

test('many browsers fill the places of strangers, and the owner comes in past them', async () => {
  const phone = await scene.aPhone({ user: 'owner' })
  const own = scene.aBrowser()
  await signIn('owner', phone, own)
  for (let at = 0; at < policyRules.pendingMax.default + 5; at++) {
    const { status, number, text } = await ask('owner')
    // To who bombs all looks as if somebody was asked.
    expect([status, number.length, text.includes('Waiting for your phone.')]).toEqual([
      ...[200, 6, true],
    ])
  }
  await until('the rest was refused', async () => {
    return (await refusals()).lastError?.code === 'too_many_pending'
  })
  expect((await pendingAt(phone)).length).toBe(policyRules.pendingMax.default)
  await signIn('owner', phone, own)
})

test('a browser that is remembered for one person is a stranger to every other', async () => {
  const [phone, thiefPhone] = [
    await scene.aPhone({ user: 'target' }),
    await scene.aPhone({ user: 'thief' }),
  ]
  const thief = scene.aBrowser()
  await signIn('thief', thiefPhone, thief)
  for (let at = 0; at < policyRules.pendingMax.default; at++) await ask('target')
  await until('all places are taken', async () => {
    return (await pendingAt(phone)).length === policyRules.pendingMax.default
  })
  const { lastError } = await refusals()
  await ask('target', thief)
  await until('it was refused', async () => (await refusals()).lastError?.at !== lastError?.at)
  expect((await pendingAt(phone)).length).toBe(policyRules.pendingMax.default)
})

test('pushes end long before the questions do: the page rings no phone without end', async () => {
  const phone = await scene.aPhone({ user: 'quiet' })
  for (let at = 0; at < 6; at++) {
    const { browser, path } = await ask('quiet')
    await until('it was asked', async () => (await pendingAt(phone)).length > 0)
    await browser.post(`${path}/cancel`)
    await until('it was called off', async () => (await pendingAt(phone)).length === 0)
  }
  const rings = phone.pushes.filter((push) => 'payload' in push && 'cid' in push.payload)
  expect(rings.length).toBeLessThanOrEqual(policyRules.unansweredMax.default + 1)
})
