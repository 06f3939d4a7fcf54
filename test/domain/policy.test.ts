import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultPolicy, policyBounds, policyOf } from '../../src/domain/policy.ts'

describe('the policy in force', () => {
  test.each<[string, unknown]>([
    ['nothing is stored', {}],
    ['null is stored', null],
    ['text is stored', 'strict'],
    ['a number is stored', 4],
    ['a list is stored', [{ numberDigits: 2 }]],
    ['nothing is known', undefined],
    [
      'the stored values are of other types',
      { numberDigits: '2', wrongNumbersMax: null, resendsMax: [3] },
    ],
    ['the stored values are fractions', { numberDigits: 2.5, devicesPerUserMax: 19.9 }],
    [
      'the stored values are not finite',
      { enrolmentTtlSeconds: Number.NaN, resendsMax: Number.POSITIVE_INFINITY },
    ],
    ['the stored members are unknown', { digits: 2, number_digits: 2 }],
  ])('is the default when %s', (_, stored) => {
    expect(policyOf(stored)).toEqual(defaultPolicy)
  })

  test('takes overrides within the bounds as they are', () => {
    const stored = {
      numberDigits: 8,
      numberNoneAllowed: true,
      wrongNumbersMax: 2,
      challengeTtlSeconds: 15,
      resendsMax: 0,
      resendGapSeconds: 600,
      devicesPerUserMax: 20,
      enrolmentTtlSeconds: 60,
      enrolmentCodeTriesMax: 1,
      enrolmentConfirmation: false,
    }
    expect(policyOf(stored)).toEqual(stored)
  })

  test.each([
    [{ challengeTtlSeconds: 86_400 }, { challengeTtlSeconds: 600 }],
    [{ challengeTtlSeconds: 0 }, { challengeTtlSeconds: 15 }],
    [{ wrongNumbersMax: 1_000 }, { wrongNumbersMax: 3 }],
    [{ enrolmentCodeTriesMax: 100 }, { enrolmentCodeTriesMax: 5 }],
    [{ enrolmentTtlSeconds: 3_600 }, { enrolmentTtlSeconds: 600 }],
    [{ devicesPerUserMax: -1 }, { devicesPerUserMax: 1 }],
    [{ numberDigits: 99 }, { numberDigits: 8 }],
  ])('pulls %j back to %j', (stored, forced) => {
    expect(policyOf(stored)).toMatchObject(forced)
  })

  test.each([1, 0, 'true', 'yes', null, {}, []])(
    'does without a number only for true, not for %j',
    (value) => {
      expect(policyOf({ numberNoneAllowed: value }).numberNoneAllowed).toBe(false)
    },
  )

  test.each([0, '', 'false', null, undefined])(
    'does without confirmation only for false, not for %j',
    (value) => {
      expect(policyOf({ enrolmentConfirmation: value }).enrolmentConfirmation).toBe(true)
    },
  )

  test('gives numbers of fewer than six digits one try', () => {
    expect(policyOf({ numberDigits: 5, wrongNumbersMax: 3 }).wrongNumbersMax).toBe(1)
    expect(policyOf({ numberDigits: 6, wrongNumbersMax: 3 }).wrongNumbersMax).toBe(3)
  })

  test('never leaves its bounds, whatever JSON is stored', () => {
    const field = fc.constantFrom(...Object.keys(defaultPolicy))
    const wild = fc.oneof(fc.integer(), fc.double(), fc.jsonValue({ maxDepth: 2 }))
    const stored = fc.oneof(fc.jsonValue(), fc.dictionary(field, wild))
    fc.assert(
      fc.property(stored, (value) => {
        const policy = policyOf(value)
        for (const [name, [min, max]] of Object.entries(policyBounds)) {
          const inForce = policy[name as keyof typeof policyBounds]
          expect(Number.isInteger(inForce)).toBe(true)
          expect(inForce).toBeGreaterThanOrEqual(min)
          expect(inForce).toBeLessThanOrEqual(max)
        }
        expect(typeof policy.numberNoneAllowed).toBe('boolean')
        expect(typeof policy.enrolmentConfirmation).toBe('boolean')
        expect(Object.keys(policy).sort()).toEqual(Object.keys(defaultPolicy).sort())
      }),
      { numRuns: 500 },
    )
  })

  test('the default itself lies within the bounds, so that no override can be looser than what is checked', () => {
    expect(policyOf(defaultPolicy)).toEqual(defaultPolicy)
  })
})
