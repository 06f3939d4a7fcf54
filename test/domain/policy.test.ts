import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isLanguageTag } from '../../src/domain/language.ts'
import {
  checkOverrides,
  defaultPolicy,
  laxerField,
  type PolicyField,
  type PolicyOverrides,
  policyChanges,
  policyOf,
  strictest,
} from '../../src/domain/policy.ts'
import { type PolicyRule, policyRules } from '../../src/domain/policy-rules.ts'
import { repetitions } from '../support/endurance.ts'

const rules = Object.entries(policyRules) as [PolicyField, PolicyRule][]
const compat = { profile: 'compat' } as const
const rp = `rp_${'0'.repeat(26)}`

describe('the policy in force', () => {
  test.each<[string, unknown]>([
    ['nothing is stored', {}],
    ['null is stored', null],
    ['text is stored', 'strict'],
    ['a number is stored', 4],
    ['a list is stored', [{ numberDigits: 2 }]],
    ['the value is undefined', undefined],
    [
      'the stored values are of other types',
      { numberDigits: '2', wrongNumbersMax: null, resendsMax: [3], numberNoneAllowedFor: rp },
    ],
    ['the stored values are fractions', { numberDigits: 2.5, devicesPerUserMax: 19.9 }],
    [
      'the stored values are not finite',
      { enrollmentTtlSeconds: Number.NaN, resendsMax: Number.POSITIVE_INFINITY },
    ],
    ['the stored members are unknown', { digits: 2, number_digits: 2 }],
    ['a stored choice is invalid', { profile: 'lax', userVerification: 'never' }],
  ])('is the default when %s', (_, value) => {
    expect(policyOf(value)).toEqual(defaultPolicy)
  })

  test('takes overrides within the bounds as they are', () => {
    const overrides = {
      ...compat,
      numberDigits: 6,
      numberNoneAllowedFor: [rp],
      wrongNumbersMax: 2,
      challengeTtlSeconds: 15,
      resendsMax: 0,
      enrollmentConfirmation: false,
      userVerification: 'required',
    }
    expect(policyOf(overrides)).toEqual({ ...defaultPolicy, ...overrides })
  })

  test.each([
    [{ challengeTtlSeconds: 86_400 }, { challengeTtlSeconds: 600 }],
    [{ challengeTtlSeconds: 0 }, { challengeTtlSeconds: 15 }],
    [{ wrongNumbersMax: 1_000 }, { wrongNumbersMax: 3 }],
    [{ wrongNumbersHardMax: 1_000 }, { wrongNumbersHardMax: 100 }],
    [{ enrollmentCodeTriesMax: 100 }, { enrollmentCodeTriesMax: 5 }],
    [{ enrollmentTtlSeconds: 3_600 }, { enrollmentTtlSeconds: 600 }],
    [{ devicesPerUserMax: -1 }, { devicesPerUserMax: 1 }],
    [{ numberDigits: 99 }, { numberDigits: 8 }],
    [{ pushesPerHourMax: 1e9 }, { pushesPerHourMax: 60 }],
  ])('clamps %j to %j', (value, bounds) => {
    expect(policyOf(value)).toMatchObject(bounds)
  })

  test('drops a list that holds anything but ids', () => {
    expect(policyOf({ ...compat, numberNoneAllowedFor: [rp, '*'] }).numberNoneAllowedFor).toEqual(
      [],
    )
  })

  test('keeps six digits and requires a number under the NIST profile, whatever is stored', () => {
    const overrides = { numberDigits: 2, numberNoneAllowedFor: [rp] }
    expect(policyOf(overrides)).toMatchObject({ numberDigits: 6, numberNoneAllowedFor: [] })
    expect(policyOf({ ...overrides, ...compat })).toMatchObject(overrides)
  })

  test('gives numbers of fewer than six digits one attempt', () => {
    expect(policyOf({ ...compat, numberDigits: 5 }).wrongNumbersMax).toBe(1)
    expect(policyOf({ ...compat, numberDigits: 6 }).wrongNumbersMax).toBe(3)
  })

  test('never leaves its bounds, whatever JSON is stored', () => {
    const field = fc.constantFrom(...Object.keys(defaultPolicy))
    const wild = fc.oneof(fc.integer(), fc.double(), fc.jsonValue({ maxDepth: 2 }))
    const values = fc.oneof(fc.jsonValue(), fc.dictionary(field, wild))
    fc.assert(
      fc.property(values, (value) => {
        const policy = policyOf(value)
        for (const [name, rule] of rules) {
          const inForce = policy[name]
          if (rule.kind === 'integer') {
            expect(Number.isInteger(inForce)).toBe(true)
            expect(inForce).toBeGreaterThanOrEqual(rule.min)
            expect(inForce).toBeLessThanOrEqual(rule.max)
          }
          if (rule.kind === 'flag') expect(typeof inForce).toBe('boolean')
          if (rule.kind === 'choice') expect(rule.values).toContain(inForce)
          if (rule.kind === 'language') expect(isLanguageTag(`${inForce}`)).toBe(true)
        }
        expect(Object.keys(policy).sort()).toEqual(Object.keys(defaultPolicy).sort())
      }),
      { numRuns: repetitions({ usual: 200, nightly: 5_000 }) },
    )
  })

  test.each(['nl_NL', '', 7, null, ['nl']])('has no language that is none: %j', (language) => {
    expect(policyOf({ language }).language).toBe('en')
    expect(policyOf({ language: 'nl-BE' }).language).toBe('nl-BE')
  })

  test('the default is within the bounds, so no override can be looser than what is checked', () => {
    expect(policyOf(defaultPolicy)).toEqual(defaultPolicy)
  })
})

describe('overrides', () => {
  test.each<[PolicyOverrides, PolicyField]>([
    [{ numberDigits: 5 }, 'numberDigits'],
    [{ profile: 'nist-800-63b-4', numberDigits: 4 }, 'numberDigits'],
    [{ numberNoneAllowedFor: [rp] }, 'numberNoneAllowedFor'],
  ])('%j are refused under the NIST profile', (overrides, field) => {
    expect(checkOverrides(overrides)).toEqual({
      refused: 'policy_out_of_profile',
      facts: { field },
    })
  })

  test('that keep the profile, or abandon it, are accepted', () => {
    expect(checkOverrides({ numberDigits: 8 })).toBeUndefined()
    expect(
      checkOverrides({ ...compat, numberDigits: 2, numberNoneAllowedFor: [rp] }),
    ).toBeUndefined()
  })

  test('changes name each field that differs, before and after', () => {
    const after = policyOf({ resendsMax: 1 })
    expect(policyChanges(defaultPolicy, after)).toEqual({ resendsMax: { before: 3, after: 1 } })
  })
})

describe('a relying party', () => {
  test.each<[PolicyOverrides, PolicyField]>([
    [{ numberDigits: 5 }, 'numberDigits'],
    [{ challengeTtlSeconds: 121 }, 'challengeTtlSeconds'],
    [{ enrollmentConfirmation: false }, 'enrollmentConfirmation'],
    [{ profile: 'compat' }, 'profile'],
    [{ numberNoneAllowedFor: [rp] }, 'numberNoneAllowedFor'],
    [{ devicesPerUserMax: 3 }, 'devicesPerUserMax'],
  ])('may not relax a rule by %j', (overrides, field) => {
    expect(laxerField(defaultPolicy, overrides)).toBe(field)
  })

  test('may make protective rules stricter', () => {
    const overrides = {
      numberDigits: 8,
      challengeTtlSeconds: 60,
      userVerification: 'required',
      pushesPerHourMax: 1,
    } as const
    expect(laxerField(defaultPolicy, overrides)).toBeUndefined()
    expect(strictest(defaultPolicy, overrides)).toEqual({ ...defaultPolicy, ...overrides })
  })

  test.each([null, undefined, 'numberDigits', 7])(
    'for which %j is stored has the policy of its tenant',
    (value) => {
      expect(strictest(defaultPolicy, value)).toBe(defaultPolicy)
    },
  )

  test('with no overrides, or none stricter, has exactly the policy of its tenant', () => {
    expect(strictest(defaultPolicy, {})).toBe(defaultPolicy)
    expect(strictest(defaultPolicy, { challengeTtlSeconds: 600 })).toBe(defaultPolicy)
  })

  const value = (rule: PolicyRule): fc.Arbitrary<unknown> => {
    switch (rule.kind) {
      case 'integer':
        return fc.integer({ min: rule.min - 3, max: rule.max + 3 })
      case 'flag':
        return fc.boolean()
      case 'choice':
        return fc.constantFrom(...rule.values)
      case 'language':
        return fc.constantFrom('nl', 'en-GB', 'nl_NL')
      case 'list':
        return fc.subarray([rp, `rp_${'1'.repeat(26)}`])
    }
  }
  const storedPolicies = fc.record(
    Object.fromEntries(rules.map(([name, rule]) => [name, value(rule)])),
    {
      requiredKeys: [],
    },
  )

  test('never gets anything laxer than its tenant, whatever is stored for either', () => {
    const numRuns = repetitions({ usual: 200, nightly: 10_000 })
    let stricterCount = 0
    fc.assert(
      fc.property(storedPolicies, storedPolicies, (tenantStored, partyStored) => {
        const tenant = policyOf(tenantStored)
        const inForce = strictest(tenant, partyStored)
        if (inForce !== tenant) stricterCount++
        expect(laxerField(tenant, inForce)).toBeUndefined()
        expect(policyOf(inForce)).toEqual(inForce)
      }),
      { numRuns },
    )
    expect(stricterCount).toBeGreaterThan(numRuns / 4)
  })
})
