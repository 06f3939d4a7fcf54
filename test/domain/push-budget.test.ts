import { describe, expect, test } from 'vitest'
import type { ChallengeId } from '../../src/domain/ids.ts'
import { defaultPolicy } from '../../src/domain/policy.ts'
import {
  type AnswerEnd,
  type AnsweredFacts,
  afterCreation,
  afterPush,
  budgetsAfterAnswer,
  isKnown,
  type KnownInitiator,
  reportedInitiator,
} from '../../src/domain/push-budget.ts'
import { later, now } from './examples.ts'

const id = 'chl_00000000000000000000000001' as ChallengeId
const otherId = 'chl_00000000000000000000000002' as ChallengeId
const used: KnownInitiator = {
  pushes: [
    { challengeId: id, at: later(-20) },
    { challengeId: otherId, at: later(-15) },
    { challengeId: id, at: later(-10) },
  ],
  pending: [{ challengeId: id, until: later(60) }],
  unanswered: 3,
  deniedAt: later(-600),
  approvedAt: later(-900),
  blockedUntil: later(-300),
  revision: 7,
}
const refund = { pushes: [{ challengeId: otherId, at: later(-15) }], unanswered: 0 }
const block = { approvedAt: null, blockedUntil: later(defaultPolicy.initiatorBlockSeconds) }
const nothingUsed = { pushes: [], pending: [], unanswered: 0, deniedAt: null, revision: 0 }

const budgetsOf = (end: AnswerEnd, facts: Partial<AnsweredFacts> = {}) => {
  const challenge = { id, budgetKey: 'others', initiatorKey: 'browser' }
  const asking = { challenge, budget: used, initiator: null, policy: defaultPolicy, now }
  return budgetsAfterAnswer({ ...asking, ...facts }, end)
}
const own = { challenge: { id, budgetKey: 'browser', initiatorKey: 'browser' } }
const ofNobody = { challenge: { id, budgetKey: 'others', initiatorKey: null } }

describe('an approval', () => {
  const others = { key: 'others', next: { ...used, ...refund } }

  test('refunds the pushes of its challenge and clears the count, and nothing else', () => {
    expect(budgetsOf('approved', ofNobody)).toEqual([others])
  })

  test('makes the initiator known, beside the budget that all unknown ones share', () => {
    expect(budgetsOf('approved')).toEqual([
      others,
      { key: 'browser', next: { ...nothingUsed, approvedAt: now, blockedUntil: null } },
    ])
    expect(budgetsOf('approved', { initiator: used })).toEqual([
      others,
      { key: 'browser', next: { ...used, approvedAt: now } },
    ])
  })

  test('is one change where the initiator has a budget of its own', () => {
    const next = { ...used, ...refund, approvedAt: now }
    expect(budgetsOf('approved', { ...own, initiator: used })).toEqual([{ key: 'browser', next }])
  })
})

describe('a denial begins the gap, and says nothing of the initiator', () => {
  test.each([
    ['on the shared budget', {}, 'others'],
    ['on its own budget', { ...own, initiator: used }, 'browser'],
    ['where nobody was named', ofNobody, 'others'],
  ])('%s', (_, facts, key) => {
    expect(budgetsOf('user_denied', facts)).toEqual([{ key, next: { ...used, deniedAt: now } }])
  })
})

describe('a report begins the gap, makes the initiator unknown, and blocks it', () => {
  const others = { key: 'others', next: { ...used, deniedAt: now } }

  test('on the shared budget, whatever is stored of the initiator', () => {
    expect(budgetsOf('user_reported')).toEqual([
      others,
      { key: 'browser', next: { ...nothingUsed, ...block } },
    ])
    expect(budgetsOf('user_reported', { initiator: used })).toEqual([
      others,
      { key: 'browser', next: { ...used, ...block } },
    ])
  })

  test('on its own budget', () => {
    const next = { ...used, deniedAt: now, ...block }
    expect(budgetsOf('user_reported', { ...own, initiator: used })).toEqual([
      { key: 'browser', next },
    ])
  })

  test('blocks nobody where nobody was named', () => {
    expect(budgetsOf('user_reported', ofNobody)).toEqual([others])
  })
})

test('a last wrong number costs nothing and begins no gap, but its challenge has ended', () => {
  expect(budgetsOf('number_mismatch')).toEqual([{ key: 'others', next: used }])
  expect(budgetsOf('number_mismatch', { ...own, initiator: used })).toEqual([
    { key: 'browser', next: used },
  ])
})

test('an erased budget stays erased, and the answer still counts for the initiator', () => {
  expect(budgetsOf('approved', { ...own, budget: null })).toEqual([])
  expect(budgetsOf('user_denied', { budget: null })).toEqual([])
  expect(budgetsOf('approved', { budget: null })).toMatchObject([
    { key: 'browser', next: { approvedAt: now } },
  ])
})

test('an initiator is known for as many days as the policy says, and never when reported', () => {
  const policy = { initiatorMemoryDays: 2 }
  expect(isKnown({ approvedAt: later(-2 * 86_400 + 1) }, policy, now)).toBe(true)
  expect(isKnown({ approvedAt: later(-2 * 86_400) }, policy, now)).toBe(false)
  expect(isKnown(reportedInitiator(defaultPolicy, now), policy, now)).toBe(false)
})

describe('a budget holds nothing that has no effect any more', () => {
  const budget = {
    ...nothingUsed,
    pushes: [
      { challengeId: id, at: later(-3600) },
      { challengeId: otherId, at: later(-3599) },
    ],
    pending: [
      { challengeId: id, until: now },
      { challengeId: otherId, until: later(1) },
    ],
  }

  test('after a push: none that was sent an hour before', () => {
    expect(afterPush(budget, id, now).pushes).toEqual([
      { challengeId: otherId, at: later(-3599) },
      { challengeId: id, at: now },
    ])
  })

  test('after a challenge: no place of one that has expired', () => {
    expect(afterCreation(budget, { id, expiresAt: later(60) }, false, now)).toEqual({
      ...budget,
      pending: [
        { challengeId: otherId, until: later(1) },
        { challengeId: id, until: later(60) },
      ],
    })
  })
})
