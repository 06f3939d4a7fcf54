// What of several requests at the same moment becomes of one prompt.

import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PromptId, TenantId } from '../../src/domain/ids.ts'
import { defaultPolicy } from '../../src/domain/policy.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { buildIntegrationStore } from '../../src/doors/integrations.sql.ts'
import { buildHashing } from '../../src/platform/crypto/hashing.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import { buildSealing } from '../../src/platform/crypto/sealing.ts'
import { type Database, openDatabase } from '../../src/platform/postgres/database.ts'
import { beginRound } from '../../src/prompts/ask-round.ts'
import { readOwnPrompt } from '../../src/prompts/own-prompt.ts'
import type { PromptStore } from '../../src/prompts/prompt.store.ts'
import { buildPromptStore } from '../../src/prompts/prompts.sql.ts'
import { type Provider, pkce, redirectUri, startProvider } from '../support/provider.ts'

let provider: Provider
let database: Database
let prompts: PromptStore
let clientId: string
beforeAll(async () => {
  provider = await startProvider()
  database = openDatabase({ url: provider.service.database.url, maxConnections: 8 })
  prompts = buildPromptStore(database)
  clientId = (
    await provider.createClient({
      clientAuthentication: 'client_secret_basic',
      bareLoginHintAllowed: true,
    })
  ).id
})
afterAll(async () => {
  await database.close()
  await provider[Symbol.asyncDispose]()
})

async function aPrompt() {
  const { code_challenge, code_challenge_method } = pkce()
  const led = await provider.follow({
    ...{ client_id: clientId, scope: 'openid', response_type: 'code', redirect_uri: redirectUri },
    ...{ login_hint: 'ada', code_challenge, code_challenge_method },
  })
  const { promptId, secret } = led
  if (promptId === null || secret === null) throw new Error(led.text)
  return { tenantId: provider.tenantId as TenantId, id: promptId, secret }
}

const roundOf = (key: { readonly tenantId: TenantId; readonly id: PromptId }, round = 1) => ({
  ...{ tenantId: key.tenantId, id: key.id, round, seconds: 60 },
  challengeId: random.id('challenge'),
  numberSealed: randomBytes(40),
})

const passTime = (id: PromptId, seconds: number) =>
  provider.sql(
    `update prompts set expires_at = clock_timestamp() - $2 * interval '1 s' where id = $1`,
    [...[id, seconds]],
  )

test('of rounds that begin at the same moment one does, and its number is the one that is kept', async () => {
  const prompt = await aPrompt()
  const rounds = Array.from({ length: 8 }, () => roundOf(prompt))
  const outcomes = await Promise.all(rounds.map((round) => prompts.beginRound(round)))
  expect(outcomes.filter(Boolean)).toHaveLength(1)
  const row = await prompts.find(prompt.tenantId, prompt.id)
  const firstRound = rounds[outcomes.indexOf(true)]
  expect(row).toMatchObject({ round: 1, challengeId: firstRound?.challengeId })
  expect(Buffer.from(row?.numberSealed ?? [])).toEqual(firstRound?.numberSealed)
  expect(await prompts.beginRound(roundOf(prompt, 3))).toBe(false)
})

test('a press that came second asks nobody with a number that no page shows', async () => {
  const key = await aPrompt()
  const { current } = provider.service.config.masterKeys
  if (current === null) throw new Error('the test service has a master key')
  const dependencies = {
    ...{ prompts, random, sealing: buildSealing({ current }), hashing: buildHashing(current) },
    integrations: buildIntegrationStore(database, random),
    challenges: { find: async () => null },
    tenants: { findPolicy: async () => defaultPolicy },
  }
  const own = await readOwnPrompt(dependencies, key)
  if (isRefusal(own)) throw new Error(own.refused)
  const first = await beginRound(dependencies, own)
  expect(isRefusal(first)).toBe(false)
  expect(await beginRound(dependencies, own)).toEqual({ refused: 'conflict' })
  const shownNumber = async () => {
    const asking = await readOwnPrompt(dependencies, key)
    return isRefusal(asking) ? asking.refused : asking.number
  }
  expect(await shownNumber()).toBe(isRefusal(first) ? null : first.number)
  await provider.sql('update prompts set round_until = clock_timestamp() where id = $1', [key.id])
  expect(await shownNumber()).toBeNull()
})

test('a prompt whose time is over begins no round', async () => {
  const prompt = await aPrompt()
  await passTime(prompt.id, 1)
  expect(await prompts.beginRound(roundOf(prompt))).toBe(false)
})

test('a prompt ends once, as it ended first, and a minute after its time not at all', async () => {
  const prompt = await aPrompt()
  const evidence = { amr: ['hwk'], verifiedAt: new Date() }
  const ends = await Promise.all(
    (['denied', 'cancelled', 'reported'] as const).map((outcome) =>
      prompts.end(prompt, { outcome, evidence: null }),
    ),
  )
  expect(ends.filter(Boolean)).toHaveLength(1)
  expect(await prompts.end(prompt, { outcome: 'approved', evidence })).toBe(false)
  expect((await prompts.find(prompt.tenantId, prompt.id))?.outcome).not.toBe('approved')
  const late = await aPrompt()
  await passTime(late.id, 61)
  expect(await prompts.end(late, { outcome: 'approved', evidence })).toBe(false)
  const inTime = await aPrompt()
  await passTime(inTime.id, 50)
  expect(await prompts.end(inTime, { outcome: 'approved', evidence })).toBe(true)
})
