import { describe, expect } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { buildEndedChallenges } from '../../src/challenges/memory/ended-challenges.ts'
import { followChallenge, waitForChallenge } from '../../src/challenges/read-challenge.ts'
import type { ChallengeId } from '../../src/domain/ids.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { bothPaths } from '../support/lanes.ts'
import { until } from '../support/until.ts'
import {
  anAnswer,
  aPhone,
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

type Decision = Parameters<typeof anAnswer>[3]

const recordOf = (world: World, { tenantId, rpId }: Principal, id: ChallengeId) =>
  world.challenges.find(tenantId, rpId, id)

/** A question that two phones have fetched. */
async function aFetchedQuestion(world: World, principal: Principal, phone: Phone) {
  await aPhone(world, principal)
  const { challenge, number } = await granted(
    ask(world, principal, { user: { id: phone.userId }, userVerification: 'preferred' }),
  )
  await anAnswer(world, phone, challenge.id, { dec: 'deny' })
  await until('the mark of the fetch is stored', async () =>
    (await recordOf(world, principal, challenge.id))?.devices.some((one) => one.fetchedAt),
  )
  return { id: challenge.id, number: number ?? '' }
}

async function answer(world: World, phone: Phone, challengeId: ChallengeId, decision: Decision) {
  const text = await signAnswer(phone, await anAnswer(world, phone, challengeId, decision))
  const proof = await aProof(world, phone)
  return answerChallenge(world, proof, { challengeId, answer: text })
}

/** The same process, whose reads of challenges are counted. */
function counting(world: World) {
  let reads = 0
  const find: World['challenges']['find'] = async (...query) => {
    const record = await world.challenges.find(...query)
    reads++
    return record
  }
  return { world: { ...world, challenges: { ...world.challenges, find } }, reads: () => reads }
}

const wrong = (number: string) => String((Number(number) + 1) % 1_000_000).padStart(6, '0')

const ends: readonly [string, (number: string) => Decision, number][] = [
  ['an approval', (num) => ({ dec: 'approve', num }), 1],
  ['a denial', () => ({ dec: 'deny' }), 1],
  ['a report', () => ({ dec: 'report' }), 1],
  ['the last wrong number', (num) => ({ dec: 'approve', num: wrong(num) }), 3],
]

describe('who waits in the process that commits the end', () => {
  test.for(ends.flatMap((end) => bothPaths.map((path) => [end[0], path[0], end, path] as const)))(
    'gets %s, %s, as a read would find it, without reading',
    async ([, , [, decisionFor, times], [, on]], { world, principal, phone }) => {
      const { id, number } = await aFetchedQuestion(world, principal, phone)
      const here = counting(on(world) as World)
      await afterATick(id)
      const waiting = granted(waitForChallenge(here.world, principal, id, longMs))
      await until('the wait has begun', () => world.signals.isWatched(id))
      for (let n = 0; n < times; n++) await answer(here.world, phone, id, decisionFor(number))
      const { result, now, ...reading } = await waiting
      expect(here.reads()).toBe(0)
      expect(result).not.toBeNull()
      const { now: readAt, ...found } = (await recordOf(world, principal, id)) ?? { now: null }
      expect(reading).toEqual(found)
      expect(reading.challenge.decidedDeviceId).toBe(phone.id)
      expect(Math.abs(now.getTime() - (readAt?.getTime() ?? 0))).toBeLessThan(longMs)
    },
  )

  test('learns nothing from a signal alone', async ({ world, principal, phone }) => {
    const { id } = await aFetchedQuestion(world, principal, phone)
    const here = counting(world)
    const waiting = granted(waitForChallenge(here.world, principal, id, longMs))
    world.signals.publish(id)
    await until('the signal is looked into', () => here.reads() > 0)
    expect(await Promise.race([waiting, Promise.resolve('waits')])).toBe('waits')
    await answer(here.world, phone, id, { dec: 'deny' })
    expect((await waiting).challenge.status).toBe('denied')
  })

  test('gets nothing of a commit that failed', async ({ world, principal, phone }) => {
    const { id } = await aFetchedQuestion(world, principal, phone)
    const recordAnswer = async () => Promise.reject(new Error('nobody knows what was committed'))
    const failing = { ...world, challenges: { ...world.challenges, recordAnswer } }
    const waiting = granted(waitForChallenge(world, principal, id, longMs))
    await until('the wait has begun', () => world.signals.isWatched(id))
    await expect(answer(failing, phone, id, { dec: 'deny' })).rejects.toThrow('nobody knows')
    const { tenantId, rpId } = principal
    expect(world.endedChallenges.find(tenantId, rpId, id)).toBeNull()
    await answer(world, phone, id, { dec: 'deny' })
    expect((await waiting).challenge.status).toBe('denied')
  })
})

test('another process reads the end once', async ({ world, principal, phone }) => {
  const { id } = await aFetchedQuestion(world, principal, phone)
  const there = counting(inAnotherProcess(world))
  const waiting = granted(waitForChallenge(there.world, principal, id, longMs))
  await until('the first read', () => there.reads() === 1)
  await answer(world, phone, id, { dec: 'deny' })
  expect((await waiting).challenge.status).toBe('denied')
  expect(there.reads()).toBe(2)
})

test('another relying party that waits for the id gets nothing', async ({
  world,
  principal,
  phone,
}) => {
  const { id } = await aFetchedQuestion(world, principal, phone)
  const mine = granted(followChallenge(world, principal, id, longMs))
  await until('the wait has begun', () => world.signals.isWatched(id))
  await answer(world, phone, id, { dec: 'deny' })
  await mine
  const { tenantId, rpId } = principal
  expect(world.endedChallenges.find(tenantId, rpId, id)).not.toBeNull()
  const neighbour = await aPrincipal(world, ['default'], tenantId)
  expect(world.endedChallenges.find(tenantId, neighbour.rpId, id)).toBeNull()
  const { tenantId: otherTenant } = await aPrincipal(world)
  expect(world.endedChallenges.find(otherTenant, rpId, id)).toBeNull()
})

test('an end is remembered for a second, and a thousand of them', async ({
  world,
  principal,
  phone,
}) => {
  const { id } = await aFetchedQuestion(world, principal, phone)
  const record = await recordOf(world, principal, id)
  if (!record) throw new Error('the challenge exists')
  let nowMs = 0
  const memory = buildEndedChallenges(() => nowMs)
  const { tenantId, rpId } = principal
  const ids = Array.from({ length: 1_001 }, () => systemRandom.id('challenge'))
  for (const one of ids) memory.add({ ...record, challenge: { ...record.challenge, id: one } })
  const foundIds = () => ids.filter((one) => memory.find(tenantId, rpId, one) !== null)
  expect(foundIds()).toEqual(ids.slice(1))
  nowMs = 999
  expect(foundIds()).toHaveLength(1_000)
  nowMs = 1_000
  expect(foundIds()).toEqual([])
})
