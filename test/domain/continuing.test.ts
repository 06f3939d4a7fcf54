import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ChallengeId } from '../../src/domain/ids.ts'
import { defaultPolicy } from '../../src/domain/policy.ts'
import { unusedBudget } from '../../src/domain/push-budget.ts'
import type { ThrottlingFacts } from '../../src/domain/push-throttling.ts'
import { admitInChain, type PendingQuestion } from '../../src/domain/superseding.ts'
import { repetitions } from '../support/endurance.ts'
import { askAgain, facts, knownBrowser, pendingQuestion, protection } from './chains.ts'
import { challengeId, later, now } from './examples.ts'

/** The pending question of a prompt in a browser that nobody knows, and what it has used up. */
const ofPrompt: PendingQuestion = { ...pendingQuestion(), budget: 'others' }
const withPlace = {
  ...unusedBudget,
  pending: [{ challengeId, until: later(120) }],
  pushes: [{ challengeId, at: now }],
}
const another = `chl_${'0'.repeat(26)}` as ChallengeId

function admissionOf(more: Partial<ThrottlingFacts> = {}, pending = ofPrompt) {
  return admitInChain({ ...facts, initiator: null, others: withPlace, ...more }, pending)
}

describe('more time for a question of an unknown browser', () => {
  test('takes the place of the question, also when no other is free', () => {
    const policy = { ...defaultPolicy, pendingMax: 1 }
    expect(admissionOf({ policy })).toMatchObject({
      budget: 'others',
      inheritance: { challenge: { id: challengeId }, notAfter: later(600) },
    })
  })

  test('frees no place but its own', () => {
    const policy = { ...defaultPolicy, pendingMax: 1 }
    const others = { ...withPlace, pending: [{ challengeId: another, until: later(60) }] }
    expect(admissionOf({ policy, others })).toMatchObject({ refused: 'too_many_pending' })
  })

  test('stays on the budget of the question when the user has approved the browser since', () => {
    expect(admissionOf({ initiator: knownBrowser })).toMatchObject({
      budget: 'others',
      inheritance: { challenge: { id: challengeId } },
    })
  })

  test('is refused once the user is suspended, or has reported the browser or anybody', () => {
    const initiator = { ...knownBrowser, blockedUntil: later(60) }
    expect(admissionOf({ initiator })).toMatchObject({ refused: 'initiator_blocked' })
    const suspendedUser = { ...protection, suspendedAt: now }
    expect(admissionOf({ protection: suspendedUser })).toMatchObject({ refused: 'user_suspended' })
    const ofReport = { ...protection, reportedUntil: later(60) }
    expect(admissionOf({ protection: ofReport })).toMatchObject({ refused: 'push_locked' })
    expect(admissionOf({ protection: ofReport, initiator: knownBrowser })).toMatchObject({
      refused: 'push_locked',
    })
  })

  test.each<[string, unknown, Partial<ThrottlingFacts>, Partial<PendingQuestion['challenge']>]>([
    ['too soon after the last push', 'resend_too_soon', {}, {}],
    ['without resends left', 'resends_used_up', { now: later(60) }, { resendsLeft: 0 }],
    [
      'soon after a push of another question',
      'recently_unanswered',
      {
        now: later(60),
        others: { ...withPlace, pushes: [{ challengeId: another, at: later(58) }] },
      },
      {},
    ],
    [
      'after as many pushes as five minutes have',
      'push_budget_used_up',
      {
        now: later(60),
        others: {
          ...withPlace,
          pushes: Array.from({ length: defaultPolicy.pushesPerFiveMinutesMax }, () => ({
            challengeId,
            at: now,
          })),
        },
      },
      {},
    ],
    ['once the gap is over', null, { now: later(60) }, {}],
  ])('%s: the push is suppressed by %s', (_, reason, more, changes) => {
    const pending = { ...pendingQuestion(changes), budget: 'others' } as const
    expect(admissionOf(more, pending)).toMatchObject({ suppressed: reason, budget: 'others' })
  })

  test.each<[string, Partial<ThrottlingFacts>, PendingQuestion]>([
    ['it has ended', {}, { ...pendingQuestion({ status: 'approved' }), budget: 'others' }],
    ['its time is over', { now: later(120) }, ofPrompt],
    [
      'its ten minutes are nearly over',
      { now: later(586) },
      { ...pendingQuestion({ expiresAt: later(600) }), budget: 'others' },
    ],
  ])('is a question like any other when %s', (_, more, pending) => {
    expect(admissionOf(more, pending)).toMatchObject({ inheritance: null, budget: 'others' })
  })
})

describe('however often somebody asks for more time', () => {
  const gapMs = defaultPolicy.resendGapSeconds * 1000
  const pushesMax = 1 + defaultPolicy.resendsMax

  test('a thousand times in one chain ring the phone as often as its resends permit', () => {
    const { chains, budget } = askAgain(
      'others',
      Array.from({ length: 1000 }, () => 500),
    )
    expect(chains).toHaveLength(1)
    expect(chains[0]?.pushes).toHaveLength(pushesMax)
    expect(budget.pending).toHaveLength(1)
    expect(new Set(budget.pushes.map((push) => push.challengeId)).size).toBe(1)
  })

  test('no chain rings sooner or oftener, gains a try, or lives longer than ten minutes', () => {
    const counts = { resends: 0, chains: 0 }
    const pause = fc.oneof(
      fc.integer({ min: 0, max: 20_000 }),
      fc.integer({ max: 200_000, min: 0 }),
    )
    fc.assert(
      fc.property(fc.array(pause, { minLength: 10, maxLength: 60 }), (pausesMs) => {
        const { chains } = askAgain('others', pausesMs)
        counts.chains = Math.max(counts.chains, chains.length)
        for (const { startedAt, pushes, attempts, ends } of chains) {
          counts.resends = Math.max(counts.resends, pushes.length - 1)
          expect(pushes.length).toBeLessThanOrEqual(pushesMax)
          for (const [index, at] of pushes.slice(1).entries()) {
            expect(at.getTime() - (pushes[index]?.getTime() ?? 0)).toBeGreaterThanOrEqual(gapMs)
          }
          expect(attempts).toEqual(attempts.toSorted((one, other) => other - one))
          for (const end of ends)
            expect(end.getTime() - startedAt.getTime()).toBeLessThanOrEqual(600_000)
        }
      }),
      { numRuns: repetitions({ usual: 200, nightly: 2_000 }) },
    )
    expect(counts.resends).toBeGreaterThan(0)
    expect(counts.chains).toBeGreaterThan(1)
  })
})
