// What each end of a question, and each push, leaves in the rows of the budgets, column by column. The rules that decide upon them
// are in test/domain/push-throttling.test.ts.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { systemRandom as random } from '../../src/outbound/random.ts'
import {
  aDevice,
  aNewChallenge,
  aUser,
  openStores,
  type Stores,
  type TestUser,
  unguarded,
} from '../support/stores.ts'
import { answer, cancel, challengeOf, resend, unregister } from './asking.ts'
import { budgetOf, fillBudget, filled, other, unused } from './budget-rows.ts'

let stores: Stores
let user: TestUser
let device: DeviceId
beforeAll(async () => {
  stores = await openStores()
  return () => stores.close()
})
beforeEach(async () => {
  user = await aUser(stores)
  device = await aDevice(stores, user)
})

const browser = 'browser'
const rowOf = (key: string) => budgetOf(stores, user, key)

/** A question from a browser, or from nobody that is named, paid by this budget; its rows are full of other things. */
async function ask(paidBy: string, initiatorKey: string | null = browser): Promise<ChallengeId> {
  const more = { budgetKey: paidBy, initiatorKey }
  const made = await aNewChallenge(stores, user, [device], more)
  expect(await stores.challenges.create(made, 'test')).toBe(true)
  await fillBudget(stores, user, paidBy, made.challenge.id)
  return made.challenge.id
}

const blockSeconds = 600
const reporting = () =>
  ({
    decision: 'report',
    effect: { outcome: 'denied', status: 'denied', reason: 'user_reported', wrongNumbersLeft: 3 },
    report: { id: random.id('report'), initiatorBlockSeconds: blockSeconds },
  }) as const

/** Answers, and tells when. */
async function say(id: ChallengeId, deed: 'approve' | 'deny' | 'report'): Promise<Date | null> {
  const [said, more] = deed === 'report' ? (['deny', reporting()] as const) : ([deed, {}] as const)
  const challenge = await challengeOf(stores, user, id)
  expect(await answer(stores, user, challenge, device, said, more)).toMatchObject({
    kind: 'recorded',
  })
  return (await challengeOf(stores, user, id)).decidedAt
}

const blockedFrom = (at: Date | null) => new Date(Number(at) + blockSeconds * 1000)
/** What nothing has touched but the count of changes and the place of the question that has ended. */
const placeGiven = (id: ChallengeId) => filled({ pushes: [other, id, other], revision: 8 })

describe('an approval gives its own pushes and its place back, and clears the count', () => {
  const given = filled({ pushes: [other, other], unanswered: 0, revision: 8 })

  test('of strangers, while the browser becomes known', async () => {
    const at = await say(await ask('others'), 'approve')
    expect(await rowOf('others')).toEqual(given)
    expect(await rowOf(browser)).toEqual(unused({ approvedAt: at }))
  })

  test('of the browser that asked, which is known anew', async () => {
    const at = await say(await ask(browser), 'approve')
    expect(await rowOf(browser)).toEqual({ ...given, approvedAt: at })
    expect(await rowOf('others')).toBeUndefined()
  })

  test('and changes nothing else of a browser for which strangers’ budget paid: it stays blocked', async () => {
    const id = await ask('others')
    await fillBudget(stores, user, browser)
    const at = await say(id, 'approve')
    expect(await rowOf(browser)).toEqual(filled({ approvedAt: at, revision: 8 }))
  })

  test('and makes nobody known where nobody was named', async () => {
    await say(await ask('others', null), 'approve')
    expect(await rowOf('others')).toEqual(given)
  })
})

describe('a denial gives the place back, nothing else, and begins the gap', () => {
  test('of strangers, and makes nobody known', async () => {
    const id = await ask('others')
    const at = await say(id, 'deny')
    expect(await rowOf('others')).toEqual({ ...placeGiven(id), deniedAt: at })
    expect(await rowOf(browser)).toBeUndefined()
  })

  test('of the browser that asked, which stays known, and nobody is reported', async () => {
    const id = await ask(browser)
    const at = await say(id, 'deny')
    expect(await rowOf(browser)).toEqual({ ...placeGiven(id), deniedAt: at })
    expect(await stores.reports.list(user.tenantId, null, { limit: 1, before: null })).toEqual([])
  })
})

describe('a report blocks who asked, for as long as the policy says, and makes them unknown', () => {
  test('where strangers’ budget paid, which is blocked for nobody', async () => {
    const id = await ask('others')
    await fillBudget(stores, user, browser)
    const at = await say(id, 'report')
    expect(await rowOf('others')).toEqual({ ...placeGiven(id), deniedAt: at })
    const blocked = { approvedAt: null, blockedUntil: blockedFrom(at), revision: 8 }
    expect(await rowOf(browser)).toEqual(filled(blocked))
  })

  test('where the browser was never seen before', async () => {
    const at = await say(await ask('others'), 'report')
    expect(await rowOf(browser)).toEqual(unused({ blockedUntil: blockedFrom(at) }))
  })

  test('where the browser paid', async () => {
    const id = await ask(browser)
    const at = await say(id, 'report')
    const blocked = { approvedAt: null, blockedUntil: blockedFrom(at) }
    expect(await rowOf(browser)).toEqual({ ...placeGiven(id), deniedAt: at, ...blocked })
  })

  test('and blocks nobody where nobody was named', async () => {
    const id = await ask('others', null)
    const at = await say(id, 'report')
    expect(await rowOf('others')).toEqual({ ...placeGiven(id), deniedAt: at })
  })
})

describe('a wrong number', () => {
  const guess = async (id: ChallengeId) =>
    answer(stores, user, await challengeOf(stores, user, id), device, 'wrong number')

  test('that leaves the question open changes no budget', async () => {
    const id = await ask(browser)
    const before = await rowOf(browser)
    await guess(id)
    expect(await rowOf(browser)).toEqual(before)
  })

  test('that ends it gives the place back, and begins no gap', async () => {
    const id = await ask(browser)
    for (let tries = 0; tries < 3; tries++) await guess(id)
    expect(await rowOf(browser)).toEqual(placeGiven(id))
  })
})

describe('an end that nobody answered gives the place back, and nothing else', () => {
  test.each<[string, (id: ChallengeId) => Promise<unknown>]>([
    ['a cancellation', (id) => cancel(stores, user, id)],
    ['the end of the last device', () => unregister(stores, user, device)],
    ['a suspension', () => stores.suspensions.suspendUser({ ...user, actor: 'operator' })],
  ])('%s', async (_, end) => {
    const id = await ask(browser)
    await fillBudget(stores, user, 'others')
    await end(id)
    expect(await rowOf(browser)).toEqual(placeGiven(id))
    expect(await rowOf('others')).toEqual(filled())
  })
})

describe('a report of what happened blocks who asked, for as long as the policy says', () => {
  const report = async (challengeId: ChallengeId) => {
    const { tenantId, userId } = user
    const told = await stores.activities.list(tenantId, userId, { limit: 1, before: null })
    const reported = await stores.reports.reportActivity({
      report: {
        ...{ tenantId, id: random.id('report'), userId, challengeId },
        activityId: told[0]?.id ?? random.id('activity'),
      },
      by: { kind: 'device', deviceId: device, proof: null },
      protection: unguarded,
      initiatorBlockSeconds: blockSeconds,
      activities: [activity({ userId, type: 'activity_reported', actor: 'operator' })],
    })
    expect(reported).toMatchObject({ kind: 'reported' })
  }

  test.each([
    ['was known before, and is known no more', filled({ revision: 8 })],
    ['was never seen', unused()],
  ])('where it %s', async (_, kept) => {
    const id = await ask('others')
    await cancel(stores, user, id)
    if (kept.unanswered > 0) await fillBudget(stores, user, browser)
    const from = Date.now()
    await report(id)
    const row = await rowOf(browser)
    expect(row).toEqual({ ...kept, approvedAt: null, blockedUntil: expect.any(Date) })
    const seconds = (Number(row?.blockedUntil) - from) / 1000
    expect(Math.abs(seconds - blockSeconds)).toBeLessThan(60)
  })

  test('and nobody where nobody was named', async () => {
    const id = await ask('others', null)
    await report(id)
    expect(await rowOf('others')).toEqual(placeGiven(id))
  })
})

describe('a push', () => {
  const decided = { pushes: [], pending: [], unanswered: 9, deniedAt: null }
  const written = filled({ pushes: [], pending: [], unanswered: 9, revision: 8 })
  const create = async (revision: number) => {
    const made = await aNewChallenge(stores, user, [device], { budgetKey: browser })
    return stores.challenges.create({ ...made, budget: { ...decided, revision } }, 'test')
  }
  const repeat = async (id: ChallengeId, revision: number) =>
    stores.challenges.resend({
      challenge: await challengeOf(stores, user, id),
      ...{ resendsLeft: 2, protectionRevision: 0, leasedBy: 'test' },
      budget: { ...decided, revision },
      activity: activity({ userId: user.userId, type: 'challenge_resent', actor: 'operator' }),
    })

  test('writes the budget as it was decided, and nothing that it does not decide', async () => {
    await fillBudget(stores, user, browser)
    expect(await create(7)).toBe(true)
    expect(await rowOf(browser)).toEqual(written)
  })

  test('is none where the budget is not what was decided upon, and then nothing is written', async () => {
    const id = await ask(browser)
    const before = await rowOf(browser)
    for (const stale of [6, 8]) {
      expect(await create(stale)).toBe(false)
      expect(await repeat(id, stale)).toBeNull()
    }
    expect(await rowOf(browser)).toEqual(before)
    expect(await challengeOf(stores, user, id)).toMatchObject({ resendsLeft: 3 })
  })

  test('that is repeated is written the same, and the question is a pushed one from then on', async () => {
    const id = await ask(browser)
    await fillBudget(stores, user, 'others')
    const unpushed = `update challenges set delivery_mode = 'pull_only', suppressed = 'paused' where id = $1`
    await stores.database.query('was_not_pushed', unpushed, [id])
    expect(await repeat(id, 7)).not.toBeNull()
    expect(await rowOf(browser)).toEqual(written)
    expect(await rowOf('others')).toEqual(filled())
    const pushed = { deliveryMode: 'push', suppressed: null }
    expect(await challengeOf(stores, user, id)).toMatchObject(pushed)
  })

  test('is repeated once by those who saw the same count, also when the second reads the budget anew', async () => {
    const id = await ask(browser)
    const seen = await challengeOf(stores, user, id)
    expect(await resend(stores, seen)).not.toBeNull()
    expect(await resend(stores, seen)).toBeNull()
    expect(await challengeOf(stores, user, id)).toMatchObject({ resendsLeft: 2 })
  })

  test('is remembered by its question: who asked, who paid, and why nobody was woken', async () => {
    const more = { budgetKey: 'others', initiatorKey: browser, suppressed: 'paused' } as const
    const made = await aNewChallenge(stores, user, [device], more)
    await stores.challenges.create(made, 'test')
    expect(await challengeOf(stores, user, made.challenge.id)).toMatchObject(more)
  })
})

test('an unlock lifts every block, and touches no budget that had none', async () => {
  await fillBudget(stores, user, browser)
  await ask('others')
  const lift = `update initiators set blocked_until = null where user_id = $1 and key = 'others'`
  await stores.database.query('lift_one', lift, [user.userId])
  const before = await rowOf('others')
  await stores.protections.unlock(user.tenantId, user.userId, unguarded, [])
  expect(await rowOf(browser)).toEqual(filled({ blockedUntil: null, revision: 8 }))
  expect(await rowOf('others')).toEqual(before)
})
