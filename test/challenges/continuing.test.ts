import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { cancelChallenge } from '../../src/challenges/cancel-challenge.ts'
import { newChallenge } from '../../src/challenges/challenge.schemas.ts'
import { type CreationResult, createChallenge } from '../../src/challenges/create-challenge.ts'
import type { Command } from '../../src/challenges/creation/draft-challenge.ts'
import type { ChallengeId } from '../../src/domain/ids.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import {
  aPhone,
  aPrincipal,
  ask,
  granted,
  inAnotherProcess,
  openWorld,
  type World,
} from '../support/world.ts'
import { aReloadScene, own, type ReloadScene, wrong } from './reload-scene.ts'

let world: World
let scene: ReloadScene
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  scene = await aReloadScene(world)
})

/** The prompt's own browser, which nobody has approved. */
const unknown = {
  initiator: { kind: 'browser', id: 'the-id-of-an-unknown-one' },
} as const satisfies Partial<Command>

const idOf = ({ challenge: { id } }: CreationResult) => id

/** A first question of a prompt, or one more that gives more time for the one before. */
const askOnce = (more: Partial<Command> = {}) =>
  granted(ask(world, scene.principal, { ...unknown, ...more }))
const moreTime = (before: CreationResult, more: Partial<Command> = {}) =>
  askOnce({ ...more, continues: idOf(before) })

const passTime = (seconds: number) =>
  world.database.query(
    'pass_time',
    `update challenges set last_push_at = last_push_at - make_interval(secs => $2),
       created_at = created_at - make_interval(secs => $2),
       chain_started_at = chain_started_at - make_interval(secs => $2)
     where tenant_id = $1 and status = 'pending'`,
    [scene.phone.tenantId, seconds],
  )

const pendingIds = async () => {
  const rows = await world.database.query<{ readonly id: ChallengeId }>(
    'pending_of_tenant',
    `select id from challenges where tenant_id = $1 and status = 'pending' order by created_at`,
    [scene.phone.tenantId],
  )
  return rows.map(({ id }) => id)
}

const endOfTime = (creation: CreationResult) =>
  world.database.query(
    'end_of_time',
    `update challenges set status = 'expired', number_sealed = null,
       decided_at = clock_timestamp() where id = $1`,
    [idOf(creation)],
  )

/** Adds time while this happens between what the creation reads and what it writes. */
function moreTimeWhile(
  before: CreationResult,
  meanwhile: () => Promise<unknown>,
  more: Partial<Command> = {},
) {
  let isFirst = true
  const challenges: World['challenges'] = {
    ...world.challenges,
    async loadCreation(query, isGone) {
      const facts = await world.challenges.loadCreation(query, isGone)
      if (isFirst) await meanwhile()
      isFirst = false
      return facts
    },
  }
  return granted(
    createChallenge({ ...world, challenges }, scene.principal, {
      ...{ user: 'alice', context: {}, number: { mode: 'service' } },
      ...{ userVerification: 'preferred', continues: idOf(before), ...unknown, ...more },
    }),
  )
}

describe('more time for a question', () => {
  test('of an unknown browser replaces it: another number, the same prompt on the phone', async () => {
    const first = await askOnce({ number: { mode: 'service', digits: 8 } })
    const second = await moreTime(first, { number: { mode: 'service', digits: 8 } })
    expect(await scene.statusOf(first)).toBe('superseded')
    expect(second.number).not.toBe(first.number)
    expect(second.challenge.deliveryMode).toBe('push')
    expect(world.dispatchedPushes).toHaveLength(1)
    expect(await scene.approve(second)).toEqual({ status: 'approved' })
  })

  test.each([
    ['of an unknown browser', unknown],
    ['of a known browser', own],
    ['of a network', { initiator: { kind: 'network', prefix: '192.0.2.0/24' } } as const],
    ['that names no initiator', {}],
  ])('%s keeps its tries, and the budget of the first', async (_, initiator) => {
    const askBy = (more: Partial<Command> = {}) =>
      granted(ask(world, scene.principal, { ...initiator, ...more }))
    const first = await askBy()
    await scene.answer(first, { dec: 'approve', num: wrong(first.number) })
    const second = await askBy({ continues: idOf(first) })
    expect(second.challenge).toMatchObject({
      wrongNumbersLeft: 2,
      budgetKey: first.challenge.budgetKey,
    })
    expect(await pendingIds()).toEqual([idOf(second)])
  })

  test('stays on the budget of the first when the browser was approved meanwhile', async () => {
    const first = await askOnce()
    await scene.approve(await askOnce())
    const second = await moreTime(first)
    expect(await scene.statusOf(first)).toBe('superseded')
    expect(second.challenge.budgetKey).toBe('others')
    expect((await askOnce()).challenge.budgetKey).toBe(second.challenge.initiatorKey)
  })

  test('ends ten minutes after the first question, and rings once the gap is over', async () => {
    const first = await askOnce({ ttlSeconds: 600 })
    await passTime(400)
    const second = await moreTime(first, { ttlSeconds: 600 })
    const end = first.challenge.createdAt.getTime() + 200_000
    expect(Math.abs(second.challenge.expiresAt.getTime() - end)).toBeLessThan(2)
    expect(second.challenge.resendsLeft).toBe(first.challenge.resendsLeft - 1)
    expect(world.dispatchedPushes).toHaveLength(2)
  })

  test('a thousand times, with reloads in between, rings as often as its resends permit', async () => {
    let last = await askOnce()
    const first = last
    const resends = first.challenge.resendsLeft
    const repetitions = 1_000
    const tries: number[] = []
    for (let n = 0; n < repetitions; n++) {
      // The gap is over before some of the first hundred; later ones find the budget used up.
      if (n < 100 && n % 20 === 0) await passTime(61)
      last = await moreTime(last, n % 2 === 0 ? {} : { context: { action: `Page ${n}` } })
      tries.push(last.challenge.wrongNumbersLeft)
    }
    expect(world.dispatchedPushes).toHaveLength(1 + resends)
    expect(last.challenge.resendsLeft).toBe(0)
    expect(tries).toEqual(tries.toSorted((one, other) => other - one))
    expect(await pendingIds()).toEqual([idOf(last)])
    const startMs = first.challenge.createdAt.getTime() - 5 * 61_000
    expect(last.challenge.expiresAt.getTime() - startMs).toBeLessThanOrEqual(600_000)
  }, 120_000)

  test('twenty times at the same moment, in two processes, leaves one question', async () => {
    const first = await askOnce()
    const other = inAnotherProcess(world)
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        ask(n % 2 ? world : other, scene.principal, { ...unknown, continues: idOf(first) }),
      ),
    )
    const creations = outcomes.filter((one): one is CreationResult => !isRefusal(one))
    const continuations = await Promise.all(creations.map(scene.statusOf))
    expect(await scene.statusOf(first)).toBe('superseded')
    expect(continuations.filter((status) => status === 'pending').length).toBeGreaterThan(0)
    // Those that came too late to continue it are questions like any other, under its limits.
    expect(world.dispatchedPushes).toHaveLength(1)
    expect((await pendingIds()).length).toBeLessThanOrEqual(3)
  })
})

describe('an answer at the moment when time is added', () => {
  test.each([
    ['approved', (first: CreationResult) => scene.approve(first), 'approved'],
    ['denied', (first: CreationResult) => scene.answer(first, { dec: 'deny' }), 'user_denied'],
    [
      'cancelled',
      (first: CreationResult) => cancelChallenge(world, scene.principal, idOf(first)),
      'cancelled',
    ],
  ])('stands: %s', async (status, end, reason) => {
    const first = await askOnce()
    const outcome = await moreTimeWhile(first, () => end(first))
    expect(outcome).toMatchObject({ isReplay: true, number: null })
    expect(outcome.challenge).toMatchObject({ id: idOf(first), status })
    expect(await scene.statusOf(first)).toBe(reason)
    expect(await pendingIds()).toEqual([])
  })

  test('stands for a known browser, too', async () => {
    const first = await scene.reload()
    const outcome = await moreTimeWhile(first, () => scene.approve(first), own)
    expect(outcome.challenge).toMatchObject({ id: idOf(first), status: 'approved' })
    expect(await pendingIds()).toEqual([])
  })

  test('stands when it came before', async () => {
    const first = await askOnce()
    await scene.approve(first)
    expect(idOf(await moreTime(first))).toBe(idOf(first))
  })

  test('that was wrong is a try that is lost', async () => {
    const first = await askOnce()
    const second = await moreTimeWhile(first, () =>
      scene.answer(first, { dec: 'approve', num: wrong(first.number) }),
    )
    expect(second.challenge.wrongNumbersLeft).toBe(2)
    expect(await scene.statusOf(first)).toBe('superseded')
  })

  test('that reports it stands, and the user is asked by nobody else', async () => {
    const first = await askOnce()
    await scene.answer(first, { dec: 'report' })
    expect(idOf(await moreTime(first))).toBe(idOf(first))
    expect(await ask(world, scene.principal, unknown)).toHaveProperty('refused')
  })
})

describe('a question that is not one’s own is not replaced', () => {
  /** A question like any other was asked, and the one that was named goes on. */
  async function expectPlain(earlier: CreationResult, next: CreationResult) {
    expect(next).toMatchObject({ isReplay: false, challenge: { status: 'pending' } })
    expect(next.challenge.wrongNumbersLeft).toBe(3)
    const [row] = await world.database.query<{ readonly status: string }>(
      'status_of_challenge',
      'select status from challenges where id = $1',
      [idOf(earlier)],
    )
    expect(row?.status).toBe(earlier.challenge.status)
  }

  test('of another user', async () => {
    await aPhone(world, scene.principal, { user: 'bob' })
    const theirs = await askOnce({ user: 'bob' })
    await expectPlain(theirs, await moreTime(theirs))
  })

  test('of another relying party', async () => {
    const party = await aPrincipal(world, ['default'], scene.phone.tenantId)
    const theirs = await granted(ask(world, party, unknown))
    await expectPlain(theirs, await moreTime(theirs))
  })

  test('of another tenant', async () => {
    const elsewhere = await aReloadScene(world)
    const theirs = await granted(ask(world, elsewhere.principal, unknown))
    await expectPlain(theirs, await moreTime(theirs))
  })

  test('on the budget of another browser', async () => {
    const theirs = await scene.reload()
    await expectPlain(theirs, await moreTime(theirs))
    await scene.approve(await moreTime(theirs))
    const next = await moreTime(theirs)
    await expectPlain(theirs, next)
    expect(next.challenge.budgetKey).toBe(next.challenge.initiatorKey)
  })

  test('that nobody asked', async () => {
    const first = await askOnce()
    const continues = `chl_${'0'.repeat(26)}` as ChallengeId
    await expectPlain(first, await askOnce({ continues }))
  })

  test('that is over, but the pending one of a known browser is', async () => {
    const first = await scene.reload()
    await endOfTime(first)
    const second = await scene.reload()
    const third = await scene.reload({ continues: idOf(first) })
    expect(await scene.statusOf(second)).toBe('superseded')
    expect(await pendingIds()).toEqual([idOf(third)])
  })

  test('that is over, or whose place another has taken', async () => {
    const first = await askOnce()
    const second = await moreTime(first)
    await expectPlain(second, await moreTime(first))
    await endOfTime(second)
    const third = await moreTime(second)
    expect(third).toMatchObject({ isReplay: false, challenge: { wrongNumbersLeft: 3 } })
  })
})

test('a request of a relying party names no question to continue', async () => {
  expect(Object.keys(newChallenge.shape)).not.toContain('continues')
})
