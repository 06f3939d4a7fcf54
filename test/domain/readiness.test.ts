import { describe, expect, test } from 'vitest'
import type { Device } from '../../src/domain/device.ts'
import type { NumberPlan } from '../../src/domain/number-match.ts'
import { defaultPolicy } from '../../src/domain/policy.ts'
import type { Protection } from '../../src/domain/protection.ts'
import { unusedBudget } from '../../src/domain/push-throttling.ts'
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
  parentDeviceId: null,
  hasPushToken: true,
  hasVerificationKey: false,
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

  test('finds what is asked by opening the app where no push may or can wake the phone', () => {
    const tokenless = readinessOf({ ...facts, devices: [{ ...phone, hasPushToken: false }] })
    expect(tokenless.methods).toEqual(['pull', 'passcode'])
    const paused = readinessOf({ ...facts, protection: { ...protection, pausedUntil: later(60) } })
    expect(paused).toMatchObject({ methods: ['pull', 'passcode'], suppressed: 'paused' })
  })
})

describe('a user who cannot be asked', () => {
  test('is told of with the refusal of a creation, when it can be otherwise, and the codes that are left', () => {
    const locked = { ...protection, lockedUntil: later(90) }
    expect(readinessOf({ ...facts, protection: locked })).toMatchObject({
      methods: ['passcode'],
      refusal: 'push_locked',
      retryAfterSeconds: 90,
    })
  })

  test('is offered nothing while suspended, since codes are refused, too', () => {
    const suspended = { ...protection, suspendedAt: now }
    const said = readinessOf({ ...facts, protection: suspended })
    expect(said).toMatchObject({ methods: [], refusal: 'user_suspended' })
  })

  test.each([
    ['unconfirmed', { status: 'unconfirmed' }],
    ['suspended', { status: 'suspended' }],
    ['no_verification_key', {}],
  ] as const)('has a device of which is said: %s', (whyNot, changes) => {
    const required = { ...facts, userVerification: 'required' } as const
    const devices = [{ ...phone, ...changes }]
    const said = readinessOf({ ...required, devices })
    expect(said).toMatchObject({ methods: ['passcode'], refusal: 'no_capable_device' })
    expect(said.devices).toMatchObject([{ mayAnswer: false, whyNot }])
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
  const permitted = { ...defaultPolicy, companionsMayAnswer: true }
  const saidOf = (more: Partial<ReadinessFacts>) =>
    readinessOf({ ...facts, ...more, devices: [phone, watch] }).devices[1]?.whyNot
  expect(saidOf({ policy: permitted })).toBe('companion')
  expect(saidOf({ number: none })).toBe('companion')
  expect(saidOf({ number: none, policy: permitted })).toBeNull()
})

describe('a device that asks about itself', () => {
  const said = (changes: Partial<Device>, more: Partial<ReadinessFacts> = {}) =>
    answerabilityOf({ ...phone, ...changes }, { ...facts, ...more })

  test('may answer when it is active and nothing stops its user', () => {
    expect(said({})).toEqual({ mayAnswer: true, whyNot: null })
  })

  test('is told its own state first, and what stops its user when it is active', () => {
    const locked = { protection: { ...protection, hardLockedAt: now } }
    expect(said({}, locked)).toEqual({ mayAnswer: false, whyNot: 'push_locked' })
    expect(said({ status: 'suspended' }, locked)).toEqual({ mayAnswer: false, whyNot: 'suspended' })
    expect(said({ status: 'unconfirmed' })).toEqual({ mayAnswer: false, whyNot: 'unconfirmed' })
  })

  test('on a watch may answer where somebody may ask without a number and the policy lets watches', () => {
    const watch = { parentDeviceId: otherDeviceId } as const
    expect(said(watch)).toMatchObject({ mayAnswer: false, whyNot: 'companion' })
    const policy = {
      ...defaultPolicy,
      companionsMayAnswer: true,
      numberNoneAllowedFor: ['rp_01h455vb4pex5vsknk084sn02q'],
    } as const
    expect(said(watch, { policy })).toEqual({ mayAnswer: true, whyNot: null })
  })
})
