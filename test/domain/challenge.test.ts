import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Decision, decideAnswer } from '../../src/domain/answer.ts'
import {
  type CandidateDevice,
  type Challenge,
  isOver,
  openChallenge,
  resendChallenge,
  type UserVerification,
} from '../../src/domain/challenge.ts'
import { planNumber } from '../../src/domain/number-match.ts'
import { defaultPolicy, policyOf } from '../../src/domain/policy.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { repetitions } from '../support/endurance.ts'
import { aPendingChallenge, deviceId, later, now, otherDeviceId } from './examples.ts'

const phone = {
  appId: 'com.example.app',
  appVersion: '3.1.0',
  protocolVersion: 1,
  platform: 'ios',
  parentDeviceId: null,
  activatedAt: null,
} as const
const strong: CandidateDevice = {
  ...phone,
  id: deviceId,
  hasVerificationKey: true,
  passkey: null,
  hasPushToken: true,
}
const plain: CandidateDevice = {
  ...phone,
  id: otherDeviceId,
  hasVerificationKey: false,
  passkey: null,
  hasPushToken: false,
}
const number = { mode: 'service', digits: 6, wrongNumbersMax: 3 } as const
const rp = `rp_${'0'.repeat(26)}`
const facts = {
  policy: defaultPolicy,
  now,
  number,
  activeDevices: [strong, plain],
  suppressed: null,
}

describe('a challenge opens', () => {
  test('with the stricter of request and policy', () => {
    const targetsOf = (policy: UserVerification, request: UserVerification) => {
      const rules = { ...defaultPolicy, userVerification: policy }
      const opening = openChallenge({ ...facts, policy: rules }, { userVerification: request })
      return isRefusal(opening) ? opening.refused : opening.targets.map(({ id }) => id)
    }
    expect(targetsOf('required', 'not_required')).toEqual([deviceId])
    expect(targetsOf('not_required', 'required')).toEqual([deviceId])
    expect(targetsOf('not_required', 'preferred')).toEqual([deviceId, otherDeviceId])
  })

  test('for all active devices, with the policy’s limits, from the database’s time', () => {
    expect(openChallenge(facts, { userVerification: 'preferred' })).toEqual({
      targets: [strong, plain],
      deliveryMode: 'push',
      suppressed: null,
      userVerification: 'preferred',
      wrongNumbersLeft: 3,
      resendsLeft: 3,
      createdAt: now,
      expiresAt: later(120),
    })
  })

  test('for devices of an age only, where it asks for that: to the second, none without an age', () => {
    const since = (seconds: number) => ({ ...strong, activatedAt: later(-seconds) })
    const targetsOf = (device: CandidateDevice, deviceAgeMinSeconds: number) => {
      const request = { userVerification: 'required', deviceAgeMinSeconds } as const
      const opening = openChallenge({ ...facts, activeDevices: [device] }, request)
      return isRefusal(opening) ? opening.refused : opening.targets.length
    }
    expect(targetsOf(since(86_400), 86_400)).toBe(1)
    expect(targetsOf(since(86_399), 86_400)).toBe('no_capable_device')
    expect(targetsOf(strong, 86_400)).toBe('no_capable_device')
    expect(targetsOf(strong, 0)).toBe(1)
  })

  test('for devices with a verification key only, when verification is required', () => {
    expect(openChallenge(facts, { userVerification: 'required' })).toMatchObject({
      targets: [strong],
    })
  })

  test('for the devices that are named, and for no device of another user', () => {
    const deviceIds = [otherDeviceId, 'dev_01h455vb4pex5vsknk084sn02t'] as const
    const opening = openChallenge(facts, { userVerification: 'preferred', deviceIds })
    expect(opening).toMatchObject({ targets: [plain] })
  })

  test('without a push when none of its devices can be pushed, and reports that', () => {
    const deviceIds = [otherDeviceId] as const
    const opening = openChallenge(facts, { userVerification: 'not_required', deviceIds })
    expect(opening).toMatchObject({ deliveryMode: 'pull_only' })
  })

  test.each([15, 600])('for %i seconds when requested', (ttlSeconds) => {
    const opening = openChallenge(facts, { userVerification: 'preferred', ttlSeconds })
    expect(opening).toMatchObject({ expiresAt: later(ttlSeconds) })
  })
})

describe('a challenge does not open', () => {
  test('past an earlier end that the request sets', () => {
    const request = { userVerification: 'preferred', ttlSeconds: 60 } as const
    const opening = openChallenge(facts, { ...request, notAfter: later(30) })
    expect(opening).toMatchObject({ expiresAt: later(30) })
    expect(openChallenge(facts, { ...request, notAfter: later(90) })).toMatchObject({
      expiresAt: later(60),
    })
  })

  test.each([14, 601, 0, -1])('for %i seconds', (ttlSeconds) => {
    const opening = openChallenge(facts, { userVerification: 'preferred', ttlSeconds })
    expect(opening).toMatchObject({ refused: 'invalid_request' })
  })

  test.each([
    ['the user has no device', { ...facts, activeDevices: [] }, {}],
    ['no device can verify the user', { ...facts, activeDevices: [plain] }, {}],
    ['no device is named', facts, { deviceIds: [] }],
    ['the named device cannot verify the user', facts, { deviceIds: [otherDeviceId] as const }],
  ])('when %s: another factor is needed', (_, challengeFacts, request) => {
    const opening = openChallenge(challengeFacts, { userVerification: 'required', ...request })
    expect(opening).toEqual({ refused: 'no_capable_device' })
  })
})

test.each([
  ['pending', -1, false],
  ['pending', 0, true],
  ['pending', 1, true],
  ['approved', -1, true],
  ['denied', -1, true],
  ['expired', -1, true],
  ['cancelled', -1, true],
] as const)('a challenge that is %s, %i ms after its expiry, is over: %s', (status, ms, over) => {
  const expiresAt = later(120)
  expect(isOver({ status, expiresAt }, new Date(expiresAt.getTime() + ms))).toBe(over)
})

test('a challenge whose expiry is not a valid time is over', () => {
  expect(isOver({ status: 'pending', expiresAt: new Date(Number.NaN) }, later(0))).toBe(true)
})

describe('a push is repeated', () => {
  test('after the gap, at the cost of one resend', () => {
    expect(resendChallenge(aPendingChallenge(), defaultPolicy, later(10))).toEqual({
      resendsLeft: 2,
    })
  })

  test('only after the gap since the last push, not since the first', () => {
    const challenge = aPendingChallenge({ lastPushAt: later(30), resendsLeft: 1 })
    expect(resendChallenge(challenge, defaultPolicy, later(39.001))).toEqual({
      refused: 'resend_too_soon',
      retryAfterSeconds: 1,
    })
    expect(resendChallenge(challenge, defaultPolicy, later(40))).toEqual({ resendsLeft: 0 })
  })

  test('only after the gap since the creation when nothing could be pushed then', () => {
    const challenge = aPendingChallenge({ lastPushAt: null })
    expect(resendChallenge(challenge, defaultPolicy, later(9))).toMatchObject({
      retryAfterSeconds: 1,
    })
    expect(resendChallenge(challenge, defaultPolicy, later(10))).toEqual({ resendsLeft: 2 })
  })

  test('never once it is used up, ended, or over', () => {
    const usedUp = aPendingChallenge({ resendsLeft: 0 })
    expect(resendChallenge(usedUp, defaultPolicy, later(60))).toEqual({
      refused: 'resends_used_up',
    })
    const endedChallenge = aPendingChallenge({ status: 'denied', reason: 'user_denied' })
    expect(resendChallenge(endedChallenge, defaultPolicy, later(60))).toEqual({
      refused: 'challenge_ended',
      facts: { currentStatus: 'denied' },
    })
    expect(resendChallenge(aPendingChallenge(), defaultPolicy, later(120))).toMatchObject({
      refused: 'challenge_ended',
    })
  })
})

// The rules in the sequence in which the use cases apply them: load, check whether it is over,
// decide, save.
type Step =
  | {
      readonly kind: 'answer'
      readonly decision: Decision
      readonly number: string | null
      readonly matches: boolean
    }
  | { readonly kind: 'resend' }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'sweep' }
  | { readonly kind: 'wait'; readonly seconds: number }

function step(challenge: Challenge, one: Step, at: Date): Challenge {
  if (one.kind === 'wait') return challenge
  if (one.kind === 'resend') {
    const resent = resendChallenge(challenge, defaultPolicy, at)
    return isRefusal(resent) ? challenge : { ...challenge, ...resent, lastPushAt: at }
  }
  const over = isOver(challenge, at)
  if (one.kind === 'sweep') {
    return over && challenge.status === 'pending'
      ? { ...challenge, status: 'expired', decidedAt: at }
      : challenge
  }
  if (over) return challenge
  if (one.kind === 'cancel') return { ...challenge, status: 'cancelled', decidedAt: at }
  const effect = decideAnswer(challenge, one, one.matches)
  if (isRefusal(effect)) return challenge
  const { status, reason, wrongNumbersLeft } = effect
  return {
    ...challenge,
    status,
    reason,
    wrongNumbersLeft,
    decidedAt: status === 'pending' ? null : at,
  }
}

test('no sequence of decisions leads out of a terminal state, or past a limit', () => {
  const answer = fc.record({
    kind: fc.constant('answer' as const),
    decision: fc.constantFrom<Decision>('approve', 'approve', 'approve', 'deny', 'report'),
    number: fc.constantFrom('483920', '000000', '48392', '٤٨٣٩٢٠', null),
    matches: fc.boolean(),
  })
  const other = fc.record({
    kind: fc.constantFrom('resend' as const, 'cancel' as const, 'sweep' as const),
  })
  const wait = fc.record({
    kind: fc.constant('wait' as const),
    seconds: fc.integer({ min: 1, max: 60 }),
  })
  const steps = fc.array(fc.oneof({ weight: 4, arbitrary: answer }, other, wait, wait), {
    maxLength: 20,
  })
  const policies = fc.record({
    numberDigits: fc.integer({ min: 2, max: 8 }),
    wrongNumbersMax: fc.integer({ min: 1, max: 3 }),
    profile: fc.constantFrom('compat', 'nist-800-63b-4'),
    numberNoneAllowedFor: fc.constantFrom([], [rp]),
  })
  fc.assert(
    fc.property(
      policies,
      fc.constantFrom('service' as const, 'none' as const),
      steps,
      (overrides, mode, actions) => {
        const plan = planNumber(policyOf(overrides), { mode }, rp)
        fc.pre(!isRefusal(plan))
        if (isRefusal(plan)) return
        let challenge = aPendingChallenge({
          numberMode: plan.mode,
          numberDigits: plan.digits,
          wrongNumbersLeft: plan.wrongNumbersMax,
        })
        let at = now
        let wrong = 0
        for (const one of actions) {
          if (one.kind === 'wait') at = new Date(at.getTime() + one.seconds * 1000)
          const before = challenge
          challenge = step(before, one, at)
          if (before.status !== 'pending') expect(challenge).toEqual(before)
          if (challenge.wrongNumbersLeft < before.wrongNumbersLeft) wrong++
          expect(wrong).toBeLessThanOrEqual(plan.wrongNumbersMax)
          expect(challenge.wrongNumbersLeft).toBe(plan.wrongNumbersMax - wrong)
          expect(challenge.resendsLeft).toBeGreaterThanOrEqual(0)
          expect(challenge.status === 'denied').toBe(challenge.reason !== null)
          expect(challenge.status === 'pending').toBe(challenge.decidedAt === null)
          expect(challenge.reason === 'number_mismatch').toBe(challenge.wrongNumbersLeft === 0)
          if (challenge.status === 'approved' && before.status === 'pending') {
            expect(one).toMatchObject({ kind: 'answer', decision: 'approve' })
            expect(at < challenge.expiresAt).toBe(true)
            if (plan.digits !== null)
              expect(one).toMatchObject({
                matches: true,
                number: expect.stringMatching(/^[0-9]+$/),
              })
          }
        }
      },
    ),
    { numRuns: repetitions({ usual: 200, nightly: 5_000 }) },
  )
})
