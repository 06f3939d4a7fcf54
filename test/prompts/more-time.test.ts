import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CreationResult } from '../../src/challenges/create-challenge.ts'
import type { ChallengeId } from '../../src/domain/ids.ts'
import { createIntegration } from '../../src/doors/integrations.ts'
import type { FairQueue } from '../../src/platform/fair-queue.ts'
import { buildFairQueue } from '../../src/platform/net/bounded-fair-queue.ts'
import { askRound, beginRound, type Round } from '../../src/prompts/ask-round.ts'
import { cancelPrompt } from '../../src/prompts/cancel-prompt.ts'
import { type OwnPrompt, readOwnPrompt } from '../../src/prompts/own-prompt.ts'
import { entranceQueueLimits } from '../../src/service/open-fair-queues.ts'
import { aReloadScene, type ReloadScene, wrong } from '../challenges/reload-scene.ts'
import { granted, openWorld, type World } from '../support/world.ts'

let world: World
let scene: ReloadScene
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  scene = await aReloadScene(world)
})

const promptQueue = buildFairQueue(entranceQueueLimits)

/** A prompt of this user, and what its page does. */
async function openPrompt() {
  const { tenantId, rpId } = scene.principal
  const { integration } = await granted(
    createIntegration(
      { ...world, realms: { fault: () => undefined } },
      { tenantId, rpId, actor: 'operator' },
      {
        rpId,
        name: 'Entra',
        settings: {
          kind: 'entra_external_mfa',
          cloud: 'global',
          entraTenantId: '11111111-2222-3333-4444-555555555555',
          applicationId: '99999999-8888-7777-6666-555555555555',
          asksAtOnce: true,
          codesAsOtp: false,
          enrollmentAllowed: false,
        },
      },
    ),
  )
  const secret = randomBytes(32).toString('base64url')
  const id = world.random.id('prompt')
  await world.prompts.open({
    ...{ tenantId, id, integrationId: integration.id, userName: 'alice', language: 'en' },
    request: {
      redirectUri: 'https://login.microsoftonline.com/common/federation/externalauthprovider',
      ...{ responseType: 'id_token', responseMode: 'form_post', state: 's', nonce: 'n' },
      ...{ codeChallenge: null, subject: 'sub', displayName: null, acr: null },
      ...{ askedMethods: null, isBound: true },
    },
    browserHash: createHash('sha256').update(secret).digest(),
    ...{ requestHash: randomBytes(32), hintHash: randomBytes(32), seconds: 600 },
  })
  const failures: string[] = []
  const integrationUsage = {
    recordFailure: (_: unknown, code: string) => void failures.push(code),
  }
  const dependencies = { ...world, promptQueue, integrationUsage }
  const read = () => granted(readOwnPrompt(world, { tenantId, id, secret }))
  const place = {
    context: {},
    initiator: { kind: 'browser', id: 'a-browser-that-nobody-knows' },
    network: '192.0.2.0/24',
  } as const
  return {
    failures,
    read,
    begin: async () => granted(beginRound(world, await read())),
    ask: async (round: Round) => askRound(dependencies, await read(), round, place),
    /** Asks, and does something else before anybody learns that it was asked. */
    askBefore: async (own: OwnPrompt, round: Round, then: () => Promise<unknown>) => {
      const run: FairQueue['run'] = async (line, work) => {
        const outcome = await promptQueue.run(line, work)
        await then()
        return outcome
      }
      await askRound({ ...dependencies, promptQueue: { run } }, own, round, place)
    },
    cancel: (own: OwnPrompt) => cancelPrompt(world, own),
    /** The next round as a press begins it: the prompt is read before. */
    async next() {
      const before = await read()
      const round = await granted(beginRound(world, before))
      await askRound(dependencies, before, round, place)
      return round
    },
  }
}

const creationOf = ({ challengeId, number }: Round) =>
  ({ challenge: { id: challengeId }, number }) as unknown as CreationResult
const statusOf = (id: ChallengeId) => scene.statusOf({ challenge: { id } } as CreationResult)

describe('a prompt that gives more time', () => {
  test('replaces its own question: another number, the tries that are left, one ring', async () => {
    const page = await openPrompt()
    const first = await page.next()
    await scene.answer(creationOf(first), { dec: 'approve', num: wrong(first.number) })
    const second = await page.next()
    expect(await statusOf(first.challengeId)).toBe('superseded')
    const { prompt, question, number, state } = await page.read()
    expect({ state, number }).toEqual({ state: 'asking', number: second.number })
    expect(prompt.formerChallengeId).toBe(first.challengeId)
    expect(question?.challenge).toMatchObject({ id: second.challengeId, wrongNumbersLeft: 2 })
    expect(world.dispatchedPushes).toHaveLength(1)
    await scene.approve(creationOf(second))
    expect((await page.read()).prompt.outcome).toBe('approved')
  })

  test('does so when its page is loaded again before the question is asked', async () => {
    const page = await openPrompt()
    const first = await page.next()
    const second = await page.begin()
    // The page finds a round without its challenge, twice: it asks once.
    await page.ask(second)
    await page.ask(second)
    expect(page.failures).toEqual([])
    expect(await statusOf(first.challengeId)).toBe('superseded')
    expect((await page.read()).question?.challenge.id).toBe(second.challengeId)
  })

  test('ends as the first question was answered at that moment, and asks nobody', async () => {
    const page = await openPrompt()
    const first = await page.next()
    const second = await page.begin()
    await scene.approve(creationOf(first))
    await page.ask(second)
    const { prompt, state } = await page.read()
    expect({ state, outcome: prompt.outcome }).toEqual({ state: 'over', outcome: 'approved' })
    expect(prompt.evidence?.amr.length).toBeGreaterThan(0)
    expect(
      await world.challenges.find(prompt.tenantId, scene.principal.rpId, second.challengeId),
    ).toBeNull()
  })

  test('shows nothing of the first question while the second is not asked yet', async () => {
    const page = await openPrompt()
    await page.next()
    await page.begin()
    expect(await page.read()).toMatchObject({ question: null, state: 'asking' })
  })

  test('asks anew once the time of the first question is over', async () => {
    const page = await openPrompt()
    const first = await page.next()
    await world.database.query(
      'end_of_time',
      `update challenges set status = 'expired', number_sealed = null,
         decided_at = clock_timestamp() where id = $1`,
      [first.challengeId],
    )
    const second = await page.next()
    expect(await statusOf(second.challengeId)).toBe('pending')
  })
})

describe('a question that waits for its turn', () => {
  const find = ({ prompt }: OwnPrompt, { challengeId }: Round) =>
    world.challenges.find(prompt.tenantId, scene.principal.rpId, challengeId)

  test('is not asked once its prompt is cancelled', async () => {
    const page = await openPrompt()
    const round = await page.begin()
    const own = await page.read()
    await page.cancel(own)
    await page.ask(round)
    expect(await find(own, round)).toBeNull()
    expect(world.dispatchedPushes).toHaveLength(0)
  })

  test('is not asked once the next number is shown', async () => {
    const page = await openPrompt()
    const first = await page.begin()
    const before = await page.read()
    const second = await page.begin()
    await page.ask(second)
    await page.askBefore(before, first, async () => undefined)
    expect(await find(before, first)).toBeNull()
    expect(await statusOf(second.challengeId)).toBe('pending')
  })

  test('is called off where its prompt is cancelled while it is asked', async () => {
    const page = await openPrompt()
    const before = await page.read()
    const round = await page.begin()
    await page.askBefore(await page.read(), round, () =>
      world.prompts.end(before.prompt, { outcome: 'cancelled', evidence: null }),
    )
    expect(await statusOf(round.challengeId)).toBe('cancelled')
  })

  test('is called off by who pressed before its round began', async () => {
    const page = await openPrompt()
    const before = await page.read()
    const round = await page.next()
    await page.cancel(before)
    expect(await statusOf(round.challengeId)).toBe('cancelled')
  })
})
