import { describe, expect } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { buildOwnChallenges } from '../../src/challenges/memory/own-challenges.ts'
import { waitForChallenge } from '../../src/challenges/read-challenge.ts'
import type { ChallengeId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { until } from '../support/until.ts'
import {
  anAnswer,
  aPrincipal,
  aProof,
  ask,
  granted,
  inAnotherProcess,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'
import { phoneTest as test } from '../support/world-test.ts'
import { afterATick } from './challenge-steps.ts'

const longMs = 20_000

/** The same process, counting its reads of challenges. */
function counting(world: World) {
  let reads = 0
  const find: World['challenges']['find'] = async (...query) => {
    const record = await world.challenges.find(...query)
    reads++
    return record
  }
  return {
    dependencies: { ...world, challenges: { ...world.challenges, find } },
    reads: () => reads,
  }
}

async function deny(world: World, phone: Phone, challengeId: Parameters<typeof anAnswer>[2]) {
  const answer = await signAnswer(phone, await anAnswer(world, phone, challengeId, { dec: 'deny' }))
  return granted(answerChallenge(world, await aProof(world, phone), { challengeId, answer }))
}

async function newQuestion(world: World, principal: Parameters<typeof ask>[1], phone: Phone) {
  const { challenge } = await granted(ask(world, principal, { user: { id: phone.userId } }))
  return challenge
}

describe('a wait for a challenge that this process has created', () => {
  test('does not read it when it has ended here', async ({ world, principal, phone }) => {
    const { id } = await newQuestion(world, principal, phone)
    const { dependencies, reads } = counting(world)
    await afterATick(id)
    const waiting = granted(waitForChallenge(dependencies, principal, id, longMs))
    await deny(world, phone, id)
    expect((await waiting).challenge.status).toBe('denied')
    expect(reads()).toBe(0)
  })

  test('returns at once when it has ended before', async ({ world, principal, phone }) => {
    const { id } = await newQuestion(world, principal, phone)
    await deny(world, phone, id)
    const startedAt = performance.now()
    const reading = await granted(waitForChallenge(world, principal, id, longMs))
    expect(reading.challenge.status).toBe('denied')
    expect(performance.now() - startedAt).toBeLessThan(longMs / 2)
  })

  test('learns within a tick of an end whose signal was lost', async ({
    world,
    principal,
    phone,
  }) => {
    const { id } = await newQuestion(world, principal, phone)
    const silent = { ...world, signals: { ...world.signals, publish: () => undefined } }
    await deny(silent, phone, id)
    expect(world.ownChallenges.pendingMs({ ...principal, id })).toBeGreaterThan(0)
    const reading = await granted(waitForChallenge(world, principal, id, longMs))
    expect(reading.challenge.status).toBe('denied')
  })

  test('learns nothing from a forged signal, which costs one read', async ({
    world,
    principal,
    phone,
  }) => {
    const { id } = await newQuestion(world, principal, phone)
    const { dependencies, reads } = counting(world)
    const waiting = granted(waitForChallenge(dependencies, principal, id, longMs))
    world.signals.publish(id)
    await until('the forged signal is looked into', () => reads() === 1)
    expect(await Promise.race([waiting, Promise.resolve('waits')])).toBe('waits')
    await deny(world, phone, id)
    expect((await waiting).challenge.status).toBe('denied')
  })

  test('is none of another relying party’s: it learns nothing, at once', async ({
    world,
    principal,
    phone,
  }) => {
    const { id } = await newQuestion(world, principal, phone)
    const other = await aPrincipal(world, ['default'], principal.tenantId)
    const { dependencies, reads } = counting(world)
    const refusal = await waitForChallenge(dependencies, other, id, longMs)
    expect(refusal).toMatchObject({ refused: 'not_found' })
    expect(reads()).toBe(1)
  })
})

test('another process reads a challenge before it waits', async ({ world, principal, phone }) => {
  const { id } = await newQuestion(world, principal, phone)
  const { dependencies, reads } = counting(inAnotherProcess(world))
  const waiting = granted(waitForChallenge(dependencies, principal, id, longMs))
  await until('the first read', () => reads() === 1)
  await deny(world, phone, id)
  expect((await waiting).challenge.status).toBe('denied')
  expect(reads()).toBe(2)
})

test('what was not created is not remembered', async ({ world, principal, phone }) => {
  const own = buildOwnChallenges(() => 0)
  const ids: ChallengeId[] = []
  const add: typeof own.add = (challenge) => {
    ids.push(challenge.id)
    own.add(challenge)
  }
  const failing = {
    ...world,
    ownChallenges: { ...own, add },
    challenges: { ...world.challenges, create: async () => 'changed' as const },
  }
  await ask(failing, principal, { user: { id: phone.userId } })
  expect(ids.length).toBeGreaterThan(0)
  expect(ids.filter((id) => own.pendingMs({ ...principal, id }) !== null)).toEqual([])
})

test('the memory is bounded: the oldest is read again', async ({ world, principal, phone }) => {
  const own = buildOwnChallenges(() => 0)
  const challenge = await newQuestion(world, principal, phone)
  const ids = Array.from({ length: 10_001 }, () => systemRandom.id('challenge'))
  for (const id of ids) own.add({ ...challenge, id })
  const pending = ids.filter((id) => own.pendingMs({ ...principal, id }) !== null)
  expect(pending).toHaveLength(10_000)
})
