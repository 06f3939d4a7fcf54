import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ChallengeId } from '../../src/domain/ids.ts'
import { defaultPolicy } from '../../src/domain/policy.ts'
import type { Protection } from '../../src/domain/protection.ts'
import {
  afterApprovedPush,
  afterCreation,
  afterDenial,
  afterPush,
  type Budget,
  type KnownInitiator,
  unusedBudget,
} from '../../src/domain/push-budget.ts'
import {
  admitChallenge,
  admitResend,
  type ThrottlingFacts,
} from '../../src/domain/push-throttling.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { repetitions } from '../support/endurance.ts'
import { later, now } from './examples.ts'

const protection: Protection = {
  wrongNumbersInRow: 0,
  wrongNumbersSinceSuccess: 0,
  lockedUntil: null,
  hardLockedAt: null,
  reportedUntil: null,
  pausedUntil: null,
  suspendedAt: null,
  pushSignIn: null,
  revision: 0,
}
const knownInitiator: KnownInitiator = { ...unusedBudget, approvedAt: now, blockedUntil: null }
const facts: ThrottlingFacts = {
  policy: defaultPolicy,
  now,
  protection,
  initiator: null,
  others: unusedBudget,
}
const id = (n: number) => `chl_${String(n).padStart(26, '0')}` as ChallengeId
const pushedAt = (...seconds: number[]): Budget => ({
  ...unusedBudget,
  pushes: seconds.map((at, n) => ({ challengeId: id(n), at: later(at) })),
})
const pending = (count: number, until = later(60)): Budget => ({
  ...unusedBudget,
  pending: Array.from({ length: count }, (_, n) => ({ challengeId: id(n), until })),
})

describe('a first challenge', () => {
  test('wakes phones, on the budget that all unknown initiators share', () => {
    expect(admitChallenge(facts)).toEqual({ budget: 'others', suppressed: null })
  })

  test('of an initiator that the user approved within 30 days has a budget of its own', () => {
    const others = { ...pending(3), unanswered: 99 }
    const admission = { budget: 'initiator', suppressed: null }
    expect(admitChallenge({ ...facts, others, initiator: knownInitiator })).toEqual(admission)
    const inTime = later(30 * 86_400 - 1)
    expect(admitChallenge({ ...facts, now: inTime, initiator: knownInitiator })).toEqual(admission)
  })

  test('of one that was approved 30 days ago is an unknown initiator’s', () => {
    const admission = { budget: 'others', suppressed: null }
    const late = later(30 * 86_400)
    expect(admitChallenge({ ...facts, now: late, initiator: knownInitiator })).toEqual(admission)
  })
})

test('a suspended or locked user is refused before any budget is checked, resends included', () => {
  const suspendedUser = { ...protection, suspendedAt: now }
  expect(admitChallenge({ ...facts, protection: suspendedUser })).toMatchObject({
    refused: 'user_suspended',
  })
  const lockedUser = { ...protection, hardLockedAt: now }
  const resend = { challengeId: id(0), budget: unusedBudget, policy: defaultPolicy, now }
  expect(admitResend({ ...resend, protection: lockedUser })).toMatchObject({
    refused: 'push_locked',
  })
  const off = { ...protection, pushSignIn: 'off' } as const
  expect(admitResend({ ...resend, protection: off })).toMatchObject({ refused: 'push_sign_in_off' })
})

describe('the push is suppressed, and the challenge stays', () => {
  test.each<[string, Partial<ThrottlingFacts>, string]>([
    [
      'while the user has paused',
      { protection: { ...protection, pausedUntil: later(1) } },
      'paused',
    ],
    [
      'after more than three unanswered pushes since the last success',
      { others: { ...unusedBudget, unanswered: 4 } },
      'unanswered_pushes',
    ],
    [
      'after the fifth within five minutes',
      { others: pushedAt(-299, -200, -100, -50, -20) },
      'push_budget_used_up',
    ],
    [
      'after the tenth within an hour',
      { others: pushedAt(-3599, -3500, -3000, -2500, -2000, -1500, -1000, -900, -800, -700) },
      'push_budget_used_up',
    ],
    [
      'within a minute of a denial',
      { others: { ...unusedBudget, deniedAt: later(-59) } },
      'recently_denied',
    ],
    ['within ten seconds of a push', { others: pushedAt(-9) }, 'recently_unanswered'],
    [
      'after a report, even for an initiator that was approved',
      { initiator: knownInitiator, protection: { ...protection, reportedUntil: later(1) } },
      'reported',
    ],
  ])('%s', (_, more, reason) => {
    expect(admitChallenge({ ...facts, ...more })).toMatchObject({ suppressed: reason })
  })

  test.each<[string, Partial<ThrottlingFacts>]>([
    ['a pause has ended', { protection: { ...protection, pausedUntil: now } }],
    ['three are unanswered', { others: { ...unusedBudget, unanswered: 3 } }],
    ['the first of five lies five minutes back', { others: pushedAt(-300, -200, -100, -50, -20) }],
    [
      'the first of ten lies an hour back',
      { others: pushedAt(-3600, -3500, -3000, -2500, -2000, -1500, -1000, -900, -800, -700) },
    ],
    ['a denial lies a minute back', { others: { ...unusedBudget, deniedAt: later(-60) } }],
    ['a push lies ten seconds back', { others: pushedAt(-10) }],
  ])('but not once %s', (_, more) => {
    expect(admitChallenge({ ...facts, ...more })).toMatchObject({ suppressed: null })
  })
})

describe('a challenge is refused', () => {
  test('when three of the same budget are pending, until the first of them ends', () => {
    expect(admitChallenge({ ...facts, others: pending(3, later(42)) })).toEqual({
      refused: 'too_many_pending',
      retryAfterSeconds: 42,
      facts: { pendingMax: 3 },
    })
    expect(admitChallenge({ ...facts, others: pending(3, now) })).toMatchObject({
      suppressed: null,
    })
    expect(
      admitChallenge({ ...facts, initiator: { ...knownInitiator, ...pending(3) } }),
    ).toMatchObject({
      refused: 'too_many_pending',
    })
  })

  test('for a reported initiator, until its time is over', () => {
    const initiator = { ...knownInitiator, approvedAt: null, blockedUntil: later(100) }
    expect(admitChallenge({ ...facts, initiator })).toEqual({
      refused: 'initiator_blocked',
      retryAfterSeconds: 100,
    })
    expect(admitChallenge({ ...facts, initiator, now: later(100) })).toMatchObject({
      budget: 'others',
    })
  })

  test('for unknown initiators after a report', () => {
    const afterReport = { ...protection, reportedUntil: later(100) }
    expect(admitChallenge({ ...facts, protection: afterReport })).toEqual({
      refused: 'push_locked',
      retryAfterSeconds: 100,
      facts: { lock: 'reported' },
    })
  })
})

describe('a resend', () => {
  const resend = (budget: Budget, at = now) =>
    admitResend({ challengeId: id(0), budget, protection, policy: defaultPolicy, now: at })

  test('is a push like any other', () => {
    expect(resend(pushedAt(-299, -200, -100, -50, -20))).toEqual({
      refused: 'push_suppressed',
      facts: { suppressed: 'push_budget_used_up' },
    })
    expect(resend({ ...unusedBudget, unanswered: 4 })).toMatchObject({ refused: 'push_suppressed' })
  })

  test('needs no gap after its own push, but keeps the gap after another’s push', () => {
    expect(resend(pushedAt(-5))).toBeUndefined()
    expect(resend(pushedAt(-100, -5))).toMatchObject({
      facts: { suppressed: 'recently_unanswered' },
    })
  })
})

// The database frees the place of an ended challenge; here is its model.
const withoutPlace = (budget: Budget, challengeId: ChallengeId): Budget => ({
  ...budget,
  pending: budget.pending.filter((one) => one.challengeId !== challengeId),
})

/**
 * The actions of unknown initiators and the owner in sequence; every push that was admitted, and
 * which limits were reached.
 */
function runSteps(steps: readonly Step[]) {
  const policy = defaultPolicy
  let others: Budget = unusedBudget
  let at = now
  let count = 0
  let pushes: { readonly id: ChallengeId; readonly at: Date }[] = []
  let sinceSuccess = 0
  const bounds = { fiveMinutes: 0, hour: 0, unanswered: 0, places: 0, gap: 0 }
  const within = (seconds: number) =>
    pushes.filter((push) => at.getTime() - push.at.getTime() < seconds * 1000).length
  const recordPush = (challenge: ChallengeId) => {
    pushes.push({ id: challenge, at })
    sinceSuccess++
  }
  const suppress = (reason: unknown) => {
    if (reason === 'unanswered_pushes') bounds.unanswered++
    if (reason === 'recently_unanswered') bounds.gap++
    if (reason === 'push_budget_used_up') bounds[within(300) >= 5 ? 'fiveMinutes' : 'hour']++
  }
  const acts = {
    ask() {
      const admission = admitChallenge({ ...facts, others, now: at })
      if (isRefusal(admission)) {
        bounds.places++
        return
      }
      const challenge = { id: id(count++), expiresAt: new Date(at.getTime() + 120_000) }
      others = afterCreation(others, challenge, admission.suppressed === null, at)
      if (admission.suppressed === null) recordPush(challenge.id)
      else suppress(admission.suppressed)
    },
    resend(last: ChallengeId) {
      const request = { challengeId: last, budget: others, protection, policy, now: at }
      const refusal = admitResend(request)
      if (refusal) return suppress(refusal.facts?.suppressed)
      others = afterPush(others, last, at)
      recordPush(last)
    },
    deny(last: ChallengeId) {
      others = withoutPlace(afterDenial(others, at), last)
    },
    // The owner answers one of the unknown initiators' now and then: from a new browser, say. Its
    // pushes are returned.
    approve(last: ChallengeId) {
      others = withoutPlace(afterApprovedPush(others, last), last)
      pushes = pushes.filter((push) => push.id !== last)
      sinceSuccess = 0
    },
  }
  for (const step of steps) {
    const last = others.pending.findLast(({ until }) => until > at)?.challengeId
    if (typeof step === 'number') at = new Date(at.getTime() + step * 1000)
    else if (step === 'ask') acts.ask()
    else if (last) acts[step](last)
    expect(sinceSuccess).toBeLessThanOrEqual(4)
    expect(within(300)).toBeLessThanOrEqual(5)
    expect(within(3600)).toBeLessThanOrEqual(10)
    expect(others.pending.filter(({ until }) => until > at).length).toBeLessThanOrEqual(3)
  }
  return bounds
}
type Step = 'ask' | 'resend' | 'deny' | 'approve' | number

describe('any sequence of actions', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constant('ask' as const) },
    { weight: 3, arbitrary: fc.constant('resend' as const) },
    { weight: 1, arbitrary: fc.constant('deny' as const) },
    { weight: 3, arbitrary: fc.constant('approve' as const) },
    { weight: 6, arbitrary: fc.integer({ min: 8, max: 25 }) },
    { weight: 2, arbitrary: fc.integer({ min: 60, max: 400 }) },
  )

  test('unknown initiators push at most 4 times until a success, 5 in 5 minutes, and 10 in an hour', () => {
    const numRuns = repetitions({ usual: 200, nightly: 5_000 })
    const runsThatMet = { fiveMinutes: 0, hour: 0, unanswered: 0, places: 0, gap: 0 }
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 200 }), (steps) => {
        const bounds = runSteps(steps)
        for (const name of Object.keys(bounds) as (keyof typeof bounds)[]) {
          if (bounds[name] > 0) runsThatMet[name]++
        }
      }),
      { numRuns },
    )
    // A limit that no history reaches is not tested.
    for (const [name, runs] of Object.entries(runsThatMet)) {
      expect(runs, `runs that reached the limit "${name}"`).toBeGreaterThan(numRuns / 20)
    }
  })

  test('no action of unknown initiators takes a push or slot from one that the user approved', () => {
    const someBudget = fc.record({
      pushes: fc.array(
        fc.record({
          challengeId: fc.nat(99).map(id),
          at: fc.integer({ min: -4000, max: 0 }).map(later),
        }),
      ),
      pending: fc.array(
        fc.record({
          challengeId: fc.nat(99).map(id),
          until: fc.integer({ min: -600, max: 600 }).map(later),
        }),
      ),
      unanswered: fc.nat(1_000),
      deniedAt: fc.option(fc.integer({ min: -4000, max: 0 }).map(later)),
      revision: fc.nat(),
    })
    fc.assert(
      fc.property(someBudget, (others) => {
        expect(admitChallenge({ ...facts, others, initiator: knownInitiator })).toEqual({
          budget: 'initiator',
          suppressed: null,
        })
      }),
    )
  })
})
