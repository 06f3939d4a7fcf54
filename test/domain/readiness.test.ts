import { describe, expect, test } from 'vitest'
import type { Device } from '../../src/domain/device.ts'
import type { NumberPlan } from '../../src/domain/number-match.ts'
import { defaultPolicy } from '../../src/domain/policy.ts'
import type { Protection } from '../../src/domain/protection.ts'
import { unusedBudget } from '../../src/domain/push-budget.ts'
import { answerabilityOf, type ReadinessFacts, readinessOf } from '../../src/domain/readiness.ts'
import { deviceId, enrollmentId, later, now, otherDeviceId, tenantId, userId } from './examples.ts'

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
const phone: Device = {
  tenantId,
  id: deviceId,
  userId,
  enrollmentId,
  status: 'active',
  name: 'Pixel',
  platform: 'android',
  model: 'Pixel 9',
  osVersion: '16',
  appId: 'com.example.app',
  appVersion: '1.0.0',
  protocolVersion: 1,
  language: null,
  parentDeviceId: null,
  hasPushToken: true,
  hasVerificationKey: false,
  passkey: null,
  attestation: { level: 'none', verdict: 'not_asked', why: null },
  createdAt: now,
  activatedAt: now,
  lastSeenAt: now,
  unregisteredAt: null,
  unregisterReason: null,
  suspendedAt: null,
}
const number: NumberPlan = { mode: 'service', digits: 6, wrongNumbersMax: 3 }
const facts: ReadinessFacts = {
  policy: defaultPolicy,
  now,
  protection,
  initiator: null,
  others: unusedBudget,
  otherFactors: ['passcode'],
  number,
  userVerification: 'preferred',
  devices: [phone],
}

describe('a user whose phone may answer', () => {
  test('can be asked by push, by opening the app, and by codes', () => {
    expect(readinessOf(facts)).toEqual({
      methods: ['push', 'pull', 'passcode'],
      refusal: null,
      retryAfterSeconds: null,
      suppressed: null,
      devices: [{ deviceId, name: 'Pixel', mayAnswer: true, hasPushToken: true, whyNot: null }],
    })
  })

  test('finds the challenge by opening the app where no push may or can wake the phone', () => {
    const tokenless = readinessOf({ ...facts, devices: [{ ...phone, hasPushToken: false }] })
    expect(tokenless.methods).toEqual(['pull', 'passcode'])
    const readiness = readinessOf({
      ...facts,
      protection: { ...protection, pausedUntil: later(60) },
    })
    expect(readiness).toMatchObject({ methods: ['pull', 'passcode'], suppressed: 'paused' })
  })
})

describe('a user who cannot be asked', () => {
  test('gets the refusal of a creation, its time to retry, and the codes that are left', () => {
    const lockedUser = { ...protection, lockedUntil: later(90) }
    expect(readinessOf({ ...facts, protection: lockedUser })).toMatchObject({
      methods: ['passcode'],
      refusal: 'push_locked',
      retryAfterSeconds: 90,
    })
  })

  test('is offered nothing while suspended, since codes are refused, too', () => {
    const suspendedUser = { ...protection, suspendedAt: now }
    const readiness = readinessOf({ ...facts, protection: suspendedUser })
    expect(readiness).toMatchObject({ methods: [], refusal: 'user_suspended' })
  })

  test.each([
    ['unconfirmed', { status: 'unconfirmed' }],
    ['suspended', { status: 'suspended' }],
    ['no_verification_key', {}],
  ] as const)('has a device with the reason: %s', (whyNot, changes) => {
    const strictFacts = { ...facts, userVerification: 'required' } as const
    const devices = [{ ...phone, ...changes }]
    const readiness = readinessOf({ ...strictFacts, devices })
    expect(readiness).toMatchObject({ methods: ['passcode'], refusal: 'no_capable_device' })
    expect(readiness.devices).toMatchObject([{ mayAnswer: false, whyNot }])
  })

  test('has no device at all', () => {
    expect(readinessOf({ ...facts, devices: [] })).toMatchObject({
      methods: ['passcode'],
      devices: [],
    })
  })
})

test('a watch is not asked for a number; where nothing is typed the policy decides', () => {
  const watch = { ...phone, id: otherDeviceId, parentDeviceId: deviceId } as const
  const none: NumberPlan = { mode: 'none', digits: null, wrongNumbersMax: 3 }
  const permittingPolicy = { ...defaultPolicy, companionsMayAnswer: true }
  const reasonFor = (more: Partial<ReadinessFacts>) =>
    readinessOf({ ...facts, ...more, devices: [phone, watch] }).devices[1]?.whyNot
  expect(reasonFor({ policy: permittingPolicy })).toBe('companion')
  expect(reasonFor({ number: none })).toBe('companion')
  expect(reasonFor({ number: none, policy: permittingPolicy })).toBeNull()
})

describe('a device that asks about itself', () => {
  const answerability = (changes: Partial<Device>, more: Partial<ReadinessFacts> = {}) =>
    answerabilityOf({ ...phone, ...changes }, { ...facts, ...more })

  test('may answer when it is active and nothing stops its user', () => {
    expect(answerability({})).toEqual({ mayAnswer: true, whyNot: null })
  })

  test('learns its own state first, and the stop of its user when it is active', () => {
    const lockedFacts = { protection: { ...protection, hardLockedAt: now } }
    expect(answerability({}, lockedFacts)).toEqual({ mayAnswer: false, whyNot: 'push_locked' })
    expect(answerability({ status: 'suspended' }, lockedFacts)).toEqual({
      mayAnswer: false,
      whyNot: 'suspended',
    })
    expect(answerability({ status: 'unconfirmed' })).toEqual({
      mayAnswer: false,
      whyNot: 'unconfirmed',
    })
  })

  test('on a watch may answer where a number may be omitted and the policy allows watches', () => {
    const watch = { parentDeviceId: otherDeviceId } as const
    expect(answerability(watch)).toMatchObject({ mayAnswer: false, whyNot: 'companion' })
    const policy = {
      ...defaultPolicy,
      companionsMayAnswer: true,
      numberNoneAllowedFor: ['rp_01h455vb4pex5vsknk084sn02q'],
    } as const
    expect(answerability(watch, { policy })).toEqual({ mayAnswer: true, whyNot: null })
  })
})
