// What each end of a challenge, and each push, leaves in the rows of the budgets, column by column.
// Their rules are tested in test/domain.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { defaultPolicy } from '../../src/domain/policy.ts'
import { reportedInitiator } from '../../src/domain/push-budget.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import {
  answer,
  cancel,
  challengeOf,
  type DecidedAnswer,
  decidedAnswer,
  resend,
  unregister,
} from '../challenges/challenge-steps.ts'
import {
  aDevice,
  aNewChallenge,
  aProof,
  aUser,
  freshProtection,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { budgetOf, fillBudget, filledBudget, newBudget, otherChallenge } from './budget-rows.ts'

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

/**
 * A challenge from a browser, or from an unnamed initiator, paid by this budget; its rows have
 * other content, too.
 */
async function createChallenge(
  paidBy: string,
  initiatorKey: string | null = browser,
): Promise<ChallengeId> {
  const more = { budgetKey: paidBy, initiatorKey }
  const newChallenge = await aNewChallenge(stores, user, [device], more)
  expect(await stores.challenges.create(newChallenge, 'test')).toBe('done')
  await fillBudget(stores, user, paidBy, newChallenge.challenge.id)
  return newChallenge.challenge.id
}

/** The database's time, as the answers of these tests are decided. */
const at = new Date('2030-01-01T00:00:00Z')
const { blockedUntil } = reportedInitiator(defaultPolicy, at)

async function sendAnswer(id: ChallengeId, kind: DecidedAnswer): Promise<void> {
  const recording = await decidedAnswer(stores, user, id, device, kind, at)
  const outcome = await stores.challenges.recordAnswer(recording, aProof(user, device))
  expect(outcome).toMatchObject({ kind: 'recorded' })
}

/** Nothing changed but the revision and the place of the ended challenge. */
const budgetAfterEnd = (id: ChallengeId) =>
  filledBudget({ pushes: [otherChallenge, id, otherChallenge], revision: 8 })

describe('an approval returns its own pushes and its place, and clears the count', () => {
  const expectedBudget = filledBudget({
    pushes: [otherChallenge, otherChallenge],
    unanswered: 0,
    revision: 8,
  })

  test('an approval returns the shared budget’s place, and the browser becomes known', async () => {
    await sendAnswer(await createChallenge('others'), 'approve')
    expect(await rowOf('others')).toEqual(expectedBudget)
    expect(await rowOf(browser)).toEqual(newBudget({ approvedAt: at }))
  })

  test('an approval returns the place of the browser that asked, and makes it known', async () => {
    await sendAnswer(await createChallenge(browser), 'approve')
    expect(await rowOf(browser)).toEqual({ ...expectedBudget, approvedAt: at })
    expect(await rowOf('others')).toBeUndefined()
  })

  test('an approval changes nothing else of a browser if the shared budget paid', async () => {
    const id = await createChallenge('others')
    await fillBudget(stores, user, browser)
    await sendAnswer(id, 'approve')
    expect(await rowOf(browser)).toEqual(filledBudget({ approvedAt: at, revision: 8 }))
  })

  test('an approval makes nobody known where nobody was named', async () => {
    await sendAnswer(await createChallenge('others', null), 'approve')
    expect(await rowOf('others')).toEqual(expectedBudget)
  })
})

describe('a denial returns the place, nothing else, and begins the gap', () => {
  test('a denial returns the place of the shared budget, and makes nobody known', async () => {
    const id = await createChallenge('others')
    await sendAnswer(id, 'deny')
    expect(await rowOf('others')).toEqual({ ...budgetAfterEnd(id), deniedAt: at })
    expect(await rowOf(browser)).toBeUndefined()
  })

  test('a denial returns the place of the browser, which stays known, without report', async () => {
    const id = await createChallenge(browser)
    await sendAnswer(id, 'deny')
    expect(await rowOf(browser)).toEqual({ ...budgetAfterEnd(id), deniedAt: at })
    expect(await stores.reports.list(user.tenantId, null, { limit: 1, before: null })).toEqual([])
  })
})

describe('a report blocks the initiator as long as the policy says, and makes it unknown', () => {
  test('a report blocks the browser, not the shared budget, where that paid', async () => {
    const id = await createChallenge('others')
    await fillBudget(stores, user, browser)
    await sendAnswer(id, 'report')
    expect(await rowOf('others')).toEqual({ ...budgetAfterEnd(id), deniedAt: at })
    const expectedBlock = { approvedAt: null, blockedUntil, revision: 8 }
    expect(await rowOf(browser)).toEqual(filledBudget(expectedBlock))
  })

  test('a report blocks a browser that was unknown before', async () => {
    await sendAnswer(await createChallenge('others'), 'report')
    expect(await rowOf(browser)).toEqual(newBudget({ blockedUntil }))
  })

  test('a report blocks a browser that paid', async () => {
    const id = await createChallenge(browser)
    await sendAnswer(id, 'report')
    const expectedBlock = { approvedAt: null, blockedUntil }
    expect(await rowOf(browser)).toEqual({ ...budgetAfterEnd(id), deniedAt: at, ...expectedBlock })
  })

  test('a report blocks nobody where nobody was named', async () => {
    const id = await createChallenge('others', null)
    await sendAnswer(id, 'report')
    expect(await rowOf('others')).toEqual({ ...budgetAfterEnd(id), deniedAt: at })
  })
})

describe('a wrong number', () => {
  const guess = async (id: ChallengeId) =>
    answer(stores, user, await challengeOf(stores, user, id), device, 'wrong number')

  test('a wrong number that leaves the challenge pending changes no budget', async () => {
    const id = await createChallenge(browser)
    const before = await rowOf(browser)
    await guess(id)
    expect(await rowOf(browser)).toEqual(before)
  })

  test('a wrong number that ends it returns the place, and begins no gap', async () => {
    const id = await createChallenge(browser)
    for (let attempts = 0; attempts < 3; attempts++) await guess(id)
    expect(await rowOf(browser)).toEqual(budgetAfterEnd(id))
  })
})

describe('an end without an answer returns the place, and nothing else', () => {
  test.each<[string, (id: ChallengeId) => Promise<unknown>]>([
    ['a cancellation', (id) => cancel(stores, user, id)],
    ['the end of the last device', () => unregister(stores, user, device)],
    ['a suspension', () => stores.suspensions.suspendUser({ ...user, actor: 'operator' })],
  ])('%s', async (_, end) => {
    const id = await createChallenge(browser)
    await fillBudget(stores, user, 'others')
    await end(id)
    expect(await rowOf(browser)).toEqual(budgetAfterEnd(id))
    expect(await rowOf('others')).toEqual(filledBudget())
  })
})

describe('a report of an activity blocks the initiator, as long as the policy says', () => {
  const report = async (challengeId: ChallengeId) => {
    const { tenantId, userId } = user
    const activities = await stores.activities.list(tenantId, userId, { limit: 1, before: null })
    const outcome = await stores.reports.reportActivity({
      report: {
        ...{ tenantId, id: random.id('report'), userId, challengeId },
        activityId: activities[0]?.id ?? random.id('activity'),
      },
      by: { kind: 'device', deviceId: device, proof: null },
      protection: freshProtection,
      initiator: reportedInitiator(defaultPolicy, at),
      activities: [activity({ userId, type: 'activity_reported', actor: 'operator' })],
    })
    expect(outcome).toMatchObject({ kind: 'reported' })
  }

  test.each([
    ['was known before, and is no longer', filledBudget({ revision: 8 })],
    ['was unknown', newBudget()],
  ])('where it %s', async (_, budgetBefore) => {
    const id = await createChallenge('others')
    await cancel(stores, user, id)
    if (budgetBefore.unanswered > 0) await fillBudget(stores, user, browser)
    await report(id)
    expect(await rowOf(browser)).toEqual({ ...budgetBefore, approvedAt: null, blockedUntil })
  })

  test('a report of an activity blocks nobody where nobody was named', async () => {
    const id = await createChallenge('others', null)
    await report(id)
    expect(await rowOf('others')).toEqual(budgetAfterEnd(id))
  })
})

describe('a push', () => {
  const newBudgetState = { pushes: [], pending: [], unanswered: 9, deniedAt: null }
  const writtenBudget = filledBudget({ pushes: [], pending: [], unanswered: 9, revision: 8 })
  const create = async (revision: number) => {
    const newChallenge = await aNewChallenge(stores, user, [device], { budgetKey: browser })
    return stores.challenges.create(
      { ...newChallenge, budget: { ...newBudgetState, revision } },
      'test',
    )
  }
  const repeat = async (id: ChallengeId, revision: number) =>
    stores.challenges.resend({
      challenge: await challengeOf(stores, user, id),
      ...{ resendsLeft: 2, protectionRevision: 0, leasedBy: 'test' },
      budget: { ...newBudgetState, revision },
      activity: activity({ userId: user.userId, type: 'challenge_resent', actor: 'operator' }),
    })

  test('a push writes the budget as decided, and nothing else', async () => {
    await fillBudget(stores, user, browser)
    expect(await create(7)).toBe('done')
    expect(await rowOf(browser)).toEqual(writtenBudget)
  })

  test('no push is sent on a budget that has changed since, and nothing is written', async () => {
    const id = await createChallenge(browser)
    const before = await rowOf(browser)
    for (const stale of [6, 8]) {
      expect(await create(stale)).toBe('changed')
      expect(await repeat(id, stale)).toBe('changed')
    }
    expect(await rowOf(browser)).toEqual(before)
    expect(await challengeOf(stores, user, id)).toMatchObject({ resendsLeft: 3 })
  })

  test('a repeated push is written the same, and the challenge counts as pushed', async () => {
    const id = await createChallenge(browser)
    await fillBudget(stores, user, 'others')
    const setPullOnly = `update challenges set delivery_mode = 'pull_only', suppressed = 'paused'
      where id = $1`
    await stores.database.query('was_not_pushed', setPullOnly, [id])
    expect(await repeat(id, 7)).not.toBe('changed')
    expect(await rowOf(browser)).toEqual(writtenBudget)
    expect(await rowOf('others')).toEqual(filledBudget())
    const pushedState = { deliveryMode: 'push', suppressed: null }
    expect(await challengeOf(stores, user, id)).toMatchObject(pushedState)
  })

  test('is repeated once by callers with the same count, even with a re-read budget', async () => {
    const id = await createChallenge(browser)
    const challenge = await challengeOf(stores, user, id)
    expect(await resend(stores, challenge)).not.toBe('changed')
    expect(await resend(stores, challenge)).toBe('changed')
    expect(await challengeOf(stores, user, id)).toMatchObject({ resendsLeft: 2 })
  })

  test('a push is recorded with its challenge: initiator, budget, suppression', async () => {
    const more = { budgetKey: 'others', initiatorKey: browser, suppressed: 'paused' } as const
    const newChallenge = await aNewChallenge(stores, user, [device], more)
    await stores.challenges.create(newChallenge, 'test')
    expect(await challengeOf(stores, user, newChallenge.challenge.id)).toMatchObject(more)
  })
})

test('an unlock lifts every block, and changes no budget that had none', async () => {
  await fillBudget(stores, user, browser)
  await createChallenge('others')
  const lift = `update initiators set blocked_until = null where user_id = $1 and key = 'others'`
  await stores.database.query('lift_one', lift, [user.userId])
  const before = await rowOf('others')
  await stores.protections.unlock(user.tenantId, user.userId, freshProtection, [])
  expect(await rowOf(browser)).toEqual(filledBudget({ blockedUntil: null, revision: 8 }))
  expect(await rowOf('others')).toEqual(before)
})
