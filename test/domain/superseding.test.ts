import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Challenge, openChallenge } from '../../src/domain/challenge.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { defaultPolicy } from '../../src/domain/policy.ts'
import type { SuppressionReason, ThrottlingFacts } from '../../src/domain/push-throttling.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import {
  type AskedQuestion,
  admitInChain,
  canSupersede,
  isSameQuestion,
  openInChain,
  type PendingQuestion,
} from '../../src/domain/superseding.ts'
import { repetitions } from '../support/endurance.ts'
import { askAgain, facts, pendingQuestion, phone, protection, withPlace } from './chains.ts'
import { challengeId, deviceId, later, now, otherDeviceId } from './examples.ts'

function admissionOf(more: Partial<ThrottlingFacts> = {}, pending = pendingQuestion()) {
  const admission = admitInChain({ ...facts, ...more }, pending)
  if (isRefusal(admission)) throw new Error(admission.refused)
  return admission
}

describe('a browser', () => {
  test.each([
    ['of 22 characters', true, { kind: 'browser', id: 'a'.repeat(22) } as const],
    ['of 21 characters', false, { kind: 'browser', id: 'a'.repeat(21) } as const],
    ['that is a network', false, { kind: 'network', prefix: 'a'.repeat(22) } as const],
    ['that nobody names', false, undefined],
  ])('%s may supersede: %s', (_, expectation, initiator) => {
    expect(canSupersede(initiator)).toBe(expectation)
  })
})

describe('a new question of a known browser', () => {
  test('takes the place of its pending one, also when no other is free', () => {
    const policy = { ...defaultPolicy, pendingMax: 1 }
    expect(admissionOf({ policy })).toMatchObject({
      budget: 'initiator',
      inheritance: { challenge: { id: challengeId }, notAfter: later(600) },
    })
    expect(admitInChain({ ...facts, policy }, null)).toMatchObject({ refused: 'too_many_pending' })
  })

  test.each<[string, Partial<ThrottlingFacts>, PendingQuestion]>([
    ['the old one has ended', {}, pendingQuestion({ status: 'approved' })],
    ['its time is over', { now: later(120) }, pendingQuestion()],
    [
      'the chain has less time left than a question needs',
      { now: later(586) },
      pendingQuestion({ expiresAt: later(600) }),
    ],
    [
      'the browser is unknown',
      { initiator: { ...withPlace, approvedAt: null } },
      pendingQuestion(),
    ],
    ['nothing is stored of the browser', { initiator: null }, pendingQuestion()],
  ])('is one like any other when %s', (_, more, pending) => {
    expect(admissionOf(more, pending)).toMatchObject({ inheritance: null })
    const own = more.initiator === undefined ? {} : { budget: 'others' }
    expect(admissionOf(more, pending)).toMatchObject(own)
  })

  test('goes on until the chain has just enough time for a question', () => {
    const pending = pendingQuestion({ expiresAt: later(600) })
    expect(admissionOf({ now: later(585) }, pending).inheritance).not.toBeNull()
  })

  test('is refused for the reasons that refuse any question', () => {
    const suspendedUser = { ...protection, suspendedAt: now }
    expect(admitInChain({ ...facts, protection: suspendedUser }, pendingQuestion())).toMatchObject({
      refused: 'user_suspended',
    })
    expect(admitInChain({ ...facts, protection: suspendedUser }, null)).toMatchObject({
      refused: 'user_suspended',
    })
  })

  test.each<[string, unknown, Partial<ThrottlingFacts>, Partial<Challenge>]>([
    ['too soon after the last push', 'resend_too_soon', {}, {}],
    ['too soon after the chain began', 'resend_too_soon', {}, { lastPushAt: null }],
    ['without resends left', 'resends_used_up', { now: later(60) }, { resendsLeft: 0 }],
    [
      'while the user pauses pushes',
      'paused',
      { now: later(60), protection: { ...protection, pausedUntil: later(90) } },
      {},
    ],
    [
      'soon after a push of another question',
      'recently_unanswered',
      {
        now: later(60),
        initiator: {
          ...withPlace,
          pushes: [{ challengeId: `chl_${'0'.repeat(26)}` as ChallengeId, at: later(58) }],
        },
      },
      {},
    ],
    ['once the gap is over', null, { now: later(60) }, {}],
  ])('%s: the push is suppressed by %s', (_, reason, more, changes) => {
    expect(admissionOf(more, pendingQuestion(changes)).suppressed).toBe(reason)
  })
})

describe('what is inherited', () => {
  const openingFacts = {
    policy: defaultPolicy,
    now: later(60),
    number: { mode: 'service', digits: 6, wrongNumbersMax: 3 } as const,
    activeDevices: [phone(deviceId), phone(otherDeviceId, false)],
  }
  function open(
    suppressed: SuppressionReason | null,
    pending: PendingQuestion | null,
    factsGiven = openingFacts,
  ) {
    const inheritance = pending && { ...pending, notAfter: later(600) }
    const opening = openChallenge({ ...factsGiven, suppressed }, { userVerification: 'preferred' })
    if (isRefusal(opening)) throw new Error(opening.refused)
    return openInChain(opening, inheritance)
  }

  test('are attempts, resends and the last push: none grows', () => {
    const pending = pendingQuestion({ wrongNumbersLeft: 1, resendsLeft: 2 })
    expect(open(null, pending)).toMatchObject({
      wrongNumbersLeft: 1,
      resendsLeft: 1,
      lastPushAt: later(60),
    })
    expect(open('resend_too_soon', pending)).toMatchObject({
      wrongNumbersLeft: 1,
      resendsLeft: 2,
      lastPushAt: now,
    })
  })

  test('is not more than the policy gives now', () => {
    const pending = pendingQuestion({ wrongNumbersLeft: 9, resendsLeft: 9 })
    expect(open(null, pending)).toMatchObject({ wrongNumbersLeft: 3, resendsLeft: 3 })
  })

  test('is the prompt that is on a phone, if that phone is asked', () => {
    expect(open('resend_too_soon', pendingQuestion())).toMatchObject({
      deliveryMode: 'push',
      suppressed: null,
      pushedTargets: [],
      closedDevices: [],
    })
    const goneId = `dev_${'1'.repeat(26)}` as DeviceId
    const elsewhere = { ...pendingQuestion(), promptedDevices: [goneId] }
    expect(open('resend_too_soon', elsewhere)).toMatchObject({
      deliveryMode: 'pull_only',
      suppressed: 'resend_too_soon',
      closedDevices: [goneId],
    })
    const silent = pendingQuestion({ deliveryMode: 'pull_only' })
    expect(open('resend_too_soon', silent)).toMatchObject({ deliveryMode: 'pull_only' })
  })

  test.each([
    ['resend_too_soon', 'no_push_token'],
    ['resends_used_up', 'no_push_token'],
    ['paused', 'paused'],
    [null, 'no_push_token'],
  ] as const)(
    'is no limit on resends where no phone has a push token: %s is %s',
    (suppressed, reason) => {
      const activeDevices = [phone(deviceId, false), phone(otherDeviceId, false)]
      const silent = pendingQuestion({ deliveryMode: 'pull_only' })
      const factsOfReload = { ...openingFacts, activeDevices }
      expect(open(suppressed, silent, factsOfReload)).toMatchObject({
        deliveryMode: 'pull_only',
        suppressed: reason,
      })
    },
  )

  test('is nothing for the first question of a chain', () => {
    expect(open(null, null)).toMatchObject({
      wrongNumbersLeft: 3,
      resendsLeft: 3,
      lastPushAt: later(60),
      pushedTargets: [{ id: deviceId }],
      closedDevices: [],
    })
    expect(open('resend_too_soon', null)).toMatchObject({ lastPushAt: null, pushedTargets: [] })
  })
})

describe('the answer to the old question', () => {
  const question: AskedQuestion = {
    binding: 'session-hash-0123',
    context: {
      application: 'Payroll',
      action: 'Sign in',
      fields: [{ label: 'Amount', value: '1' }],
    },
    numberMode: 'service',
    numberDigits: 6,
    userVerification: 'preferred',
  }
  const withAnswer = (changes: Partial<AskedQuestion> = {}) => ({
    ...question,
    ...changes,
    decidedDeviceId: deviceId,
  })

  test('is one to the new one when both ask the same in one session', () => {
    const fields = [{ value: '1', label: 'Amount' }]
    const storedContext = { action: 'Sign in', fields, application: 'Payroll' }
    expect(isSameQuestion(withAnswer({ context: storedContext }), question)).toBe(true)
  })

  test('is one only where the device that answered is asked now', () => {
    const asking = (deviceIds: DeviceId[]) => ({ ...question, deviceIds })
    expect(isSameQuestion(withAnswer(), asking([otherDeviceId, deviceId]))).toBe(true)
    expect(isSameQuestion(withAnswer(), asking([otherDeviceId]))).toBe(false)
    expect(isSameQuestion(withAnswer(), asking([]))).toBe(false)
  })

  test.each<[string, Partial<AskedQuestion>]>([
    ['binding', { binding: 'session-hash-4567' }],
    ['text', { context: { ...question.context, action: 'Pay' } }],
    ['order of fields', { context: { ...question.context, fields: [] } }],
    ['number mode', { numberMode: 'none' }],
    ['length of the number', { numberDigits: 2 }],
    ['user verification', { userVerification: 'required' }],
  ])('is none to a question with another %s', (_, change) => {
    expect(isSameQuestion(withAnswer(), { ...question, ...change })).toBe(false)
    expect(isSameQuestion(withAnswer(change), question)).toBe(false)
  })

  test.each<[string, Partial<AskedQuestion>]>([
    ['no binding says that the session is the same', { binding: null }],
    ['the number is the caller’s own', { numberMode: 'caller' }],
  ])('is none when %s', (_, change) => {
    const both = { ...question, ...change }
    expect(isSameQuestion(withAnswer(change), both)).toBe(false)
  })
})

describe('however often somebody reloads', () => {
  const gapMs = defaultPolicy.resendGapSeconds * 1000
  const pushesMax = 1 + defaultPolicy.resendsMax

  test('a thousand reloads in one chain ring the phone as often as its resends permit', () => {
    const { chains, budget } = askAgain(
      'initiator',
      Array.from({ length: 1000 }, () => 500),
    )
    expect(chains).toHaveLength(1)
    expect(chains[0]?.pushes).toHaveLength(pushesMax)
    expect(budget.pending).toHaveLength(1)
    expect(new Set(budget.pushes.map((push) => push.challengeId)).size).toBe(1)
  })

  test('no chain rings sooner or oftener than one challenge with its resends, or lives longer', () => {
    const counts = { resends: 0, chains: 0 }
    const pauses = fc.array(
      fc.oneof(fc.integer({ max: 20_000, min: 0 }), fc.integer({ min: 0, max: 200_000 })),
      {
        minLength: 10,
        maxLength: 60,
      },
    )
    fc.assert(
      fc.property(pauses, (pausesMs) => {
        const { chains } = askAgain('initiator', pausesMs)
        counts.chains = Math.max(counts.chains, chains.length)
        for (const { startedAt, pushes, ends } of chains) {
          counts.resends = Math.max(counts.resends, pushes.length - 1)
          expect(pushes.length).toBeLessThanOrEqual(pushesMax)
          for (const [index, at] of pushes.slice(1).entries()) {
            expect(at.getTime() - (pushes[index]?.getTime() ?? 0)).toBeGreaterThanOrEqual(gapMs)
          }
          for (const end of ends)
            expect(end.getTime() - startedAt.getTime()).toBeLessThanOrEqual(600_000)
        }
      }),
      { numRuns: repetitions({ usual: 200, nightly: 2_000 }) },
    )
    expect(counts.resends).toBe(defaultPolicy.resendsMax)
    expect(counts.chains).toBeGreaterThan(1)
  })
})
