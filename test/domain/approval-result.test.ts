import { describe, expect, test } from 'vitest'
import { type ResultFacts, resultPayload } from '../../src/domain/approval-result.ts'
import type { Challenge } from '../../src/domain/challenge.ts'
import { newDeviceSeconds } from '../../src/domain/policy.ts'
import {
  aPendingChallenge,
  challengeId,
  deviceId,
  later,
  now,
  nowSeconds,
  rpId,
  tenantId,
  userId,
} from './examples.ts'

const issuer = 'https://push.example.com/t/tnt'
const approvedChallenge = aPendingChallenge({
  status: 'approved',
  decidedAt: later(20),
  decidedDeviceId: deviceId,
})
const longAgo = later(-newDeviceSeconds)
const decidedBy = {
  id: deviceId,
  userVerified: true,
  hardwareBacked: false,
  protocolVersion: 1,
  activatedAt: longAgo,
  platform: 'ios',
} as const

function resultOf(challenge: Challenge, facts: Partial<ResultFacts> = {}) {
  return JSON.parse(
    resultPayload(challenge, { issuer, now: later(30), decidedBy, ...facts }),
  ) as Record<string, unknown>
}

describe('the result of an approval', () => {
  test('says who approved what, for which relying party, how and when, and lives a minute', () => {
    expect(resultOf(approvedChallenge)).toEqual({
      iss: issuer,
      aud: rpId,
      jti: approvedChallenge.resultJti,
      iat: nowSeconds + 30,
      exp: nowSeconds + 90,
      tid: tenantId,
      cid: challengeId,
      sub: userId,
      decision: 'approved',
      did: deviceId,
      platform: 'ios',
      number: 'service',
      amr: ['pop', 'swk', 'user'],
      auth_time: nowSeconds + 20,
    })
  })

  test('has the same jti at each read, so that it can be consumed once', () => {
    expect(resultOf(approvedChallenge, { now: later(99) }).jti).toBe(
      resultOf(approvedChallenge).jti,
    )
  })

  test('echoes the session that asked', () => {
    expect(resultOf({ ...approvedChallenge, binding: 'session-hash-0123' }).binding).toBe(
      'session-hash-0123',
    )
  })

  test('claims a key in hardware only where its maker attested that', () => {
    expect(
      resultOf(approvedChallenge, {
        decidedBy: { ...decidedBy, hardwareBacked: true, protocolVersion: 1 },
      }).amr,
    ).toEqual(['pop', 'hwk', 'user'])
  })

  test('names the version of the protocol in which the device was asked, from the second on', () => {
    const versionOf = (protocolVersion: number) =>
      resultOf(approvedChallenge, { decidedBy: { ...decidedBy, protocolVersion } }).ver
    expect([1, 2, 3].map(versionOf)).toEqual([undefined, 2, 3])
    expect(resultOf({ ...approvedChallenge, status: 'expired' }, { decidedBy: null }).ver).toBe(
      undefined,
    )
  })

  test('claims the user’s presence only when the verification key signed', () => {
    expect(
      resultOf(approvedChallenge, { decidedBy: { ...decidedBy, userVerified: false } }).amr,
    ).toEqual(['pop', 'swk'])
  })

  test('never claims hardware or resistance to phishing', () => {
    const { amr } = resultOf(approvedChallenge)
    expect(['hwk', 'phr', 'phrh', 'mfa'].some((one) => (amr as string[]).includes(one))).toBe(false)
  })

  test.each([
    [-(newDeviceSeconds - 21), true],
    [-(newDeviceSeconds - 20), undefined],
    [-newDeviceSeconds, undefined],
  ])('marks a device as new when it became active %i s before: %s', (seconds, isNew) => {
    const result = resultOf(approvedChallenge, {
      decidedBy: { ...decidedBy, activatedAt: later(seconds) },
    })
    expect(result.new_device).toBe(isNew)
  })

  test('marks no device as new whose activation is not on record', () => {
    expect(
      resultOf(approvedChallenge, { decidedBy: { ...decidedBy, activatedAt: null } }),
    ).not.toHaveProperty('new_device')
  })

  test.each(['service', 'caller', 'none'] as const)(
    'says how the number was chosen: %s',
    (numberMode) => {
      expect(resultOf({ ...approvedChallenge, numberMode }).number).toBe(numberMode)
    },
  )
})

describe('the result of anything else', () => {
  const deniedChallenge = aPendingChallenge({
    status: 'denied',
    reason: 'user_reported',
    decidedAt: later(20),
  })

  test('says why it was denied and by which device, and claims no authentication', () => {
    const result = resultOf(deniedChallenge)
    expect(result).toMatchObject({ decision: 'denied', reason: 'user_reported', did: deviceId })
    for (const claim of ['amr', 'auth_time', 'new_device']) expect(result).not.toHaveProperty(claim)
  })

  test.each(['expired', 'cancelled'] as const)('names no device when it was %s', (status) => {
    const result = resultOf(aPendingChallenge({ status, decidedAt: later(20) }), {
      decidedBy: null,
    })
    expect(result).toMatchObject({ decision: status })
    for (const claim of ['did', 'reason', 'amr', 'auth_time'])
      expect(result).not.toHaveProperty(claim)
  })

  test('is not signed at all for an approval without a device', () => {
    const orphan = { ...approvedChallenge, decidedAt: null }
    expect(() => resultOf(orphan, { decidedBy: null, now })).toThrow('approved by no device')
  })
})
