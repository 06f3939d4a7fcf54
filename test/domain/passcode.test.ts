import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  acceptableSteps,
  chooseLatePasscode,
  choosePasscode,
  lateSteps,
  otherFactorsOf,
  passcodeLateSteps,
  passcodePeriodSeconds,
  readTypedCode,
  singleUseLength,
  writeSingleUse,
} from '../../src/domain/passcode.ts'
import { deviceId, otherDeviceId } from './examples.ts'

describe('a typed code', () => {
  test.each([
    ['492039', '492039'],
    ['492 039', '492039'],
    [' 4920-3911\n', '49203911'],
    ['0000000', '0000000'],
    ['٤٩٢٠٣٩', '492039'],
    ['“492–039”', '492039'],
    ['\u200e492\u00a0039', '492039'],
  ])('%j is the passcode %s', (text, code) => {
    expect(readTypedCode(text)).toEqual({ kind: 'passcode', code })
  })

  test.each([
    ['7K3Q-M9TX-2R8B-0VWD', '7K3QM9TX2R8B0VWD'],
    ['7k3q m9tx 2r8b ovwd', '7K3QM9TX2R8B0VWD'],
    ['IlLi-0oO0-1111-2222', '1111000011112222'],
    ['７k３q–m９tx — 2r8b−0vwd\u200b', '7K3QM9TX2R8B0VWD'],
  ])('%j is the single-use code %s', (text, code) => {
    expect(readTypedCode(text)).toEqual({ kind: 'single_use', code })
  })

  test.each([
    '',
    '12345',
    '123456789',
    '+492039',
    '1e5000',
    '7K3Q-M9TX-2R8B-0VW',
    '7K3Q-M9TX-2R8B-0VWDA',
    '7K3Q-M9TX-2R8B-0VWU',
  ])('%j is neither', (text) => {
    expect(readTypedCode(text)).toBeUndefined()
  })

  test('that is for single use is read as it is written', () => {
    const characters = fc.constantFrom(...'0123456789ABCDEFGHJKMNPQRSTVWXYZ')
    const codes = fc.string({
      unit: characters,
      minLength: singleUseLength,
      maxLength: singleUseLength,
    })
    fc.assert(
      fc.property(codes, (code) => {
        expect(writeSingleUse(code)).toMatch(/^(\w{4}-){3}\w{4}$/)
        expect(readTypedCode(writeSingleUse(code))).toEqual({ kind: 'single_use', code })
      }),
    )
  })
})

test.each([
  ['1970-01-01T00:00:59.999Z', [0, 1, 2]],
  ['1970-01-01T00:01:00.000Z', [1, 2, 3]],
])('at %s passcodes of the steps %j are accepted', (now, steps) => {
  expect(acceptableSteps(new Date(now))).toEqual(steps)
})

test('steps behind those are recognized for five minutes, and none ahead', () => {
  const now = new Date('2026-01-31T12:00:00Z')
  const [oldest = 0] = acceptableSteps(now)
  expect(lateSteps(now)).toEqual(
    Array.from({ length: passcodeLateSteps }, (_, n) => oldest - 1 - n),
  )
  expect(passcodeLateSteps * passcodePeriodSeconds).toBe(300)
})

test('a code of a step that was used up is not recognized as late', () => {
  const of = (step: number, lastStep: number) => ({ deviceId, step, lastStep })
  expect(chooseLatePasscode([of(7, 7), of(7, 8)])).toBeUndefined()
  expect(chooseLatePasscode([of(7, 7), of(6, 5)])).toEqual(of(6, 5))
  expect(chooseLatePasscode([])).toBeUndefined()
})

describe('of the passcodes that match', () => {
  const of = (id: typeof deviceId | typeof otherDeviceId, step: number, lastStep: number) => ({
    deviceId: id,
    step,
    lastStep,
  })

  test('one whose step is later than the last one is accepted', () => {
    expect(choosePasscode([of(deviceId, 7, 6)])).toEqual(of(deviceId, 7, 6))
  })

  test.each([7, 8])('one is refused as used when step %i was accepted before', (lastStep) => {
    expect(choosePasscode([of(deviceId, 7, lastStep)])).toEqual({ refused: 'passcode_used' })
  })

  test('another device’s is accepted where one device’s was used', () => {
    const fresh = of(otherDeviceId, 7, 0)
    expect(choosePasscode([of(deviceId, 7, 7), fresh])).toEqual(fresh)
  })

  test('none at all is a wrong code', () => {
    expect(choosePasscode([])).toEqual({ refused: 'passcode_wrong' })
  })
})

describe('the other factors offered next to a push', () => {
  const everything = {
    passcodeDevices: 1,
    recoveryCodesLeft: 1,
    temporaryCodeExpiresAt: new Date(0),
  }

  test.each([
    [true, everything, ['passcode', 'temporary_code', 'recovery_code']],
    [false, everything, ['temporary_code', 'recovery_code']],
    [true, { ...everything, passcodeDevices: 0 }, ['temporary_code', 'recovery_code']],
    [true, { ...everything, recoveryCodesLeft: 0 }, ['passcode', 'temporary_code']],
    [true, { ...everything, temporaryCodeExpiresAt: null }, ['passcode', 'recovery_code']],
  ])('passcodes allowed %s, available %j: %j', (passcodesAllowed, factors, expectedFactors) => {
    expect(otherFactorsOf({ passcodesAllowed }, factors)).toEqual(expectedFactors)
  })
})
