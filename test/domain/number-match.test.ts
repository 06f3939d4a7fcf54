import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  hideNumber,
  isNumberOf,
  type NumberRequest,
  planNumber,
  planUsualNumber,
} from '../../src/domain/number-match.ts'
import { defaultPolicy, policyOf } from '../../src/domain/policy.ts'
import { isRefusal } from '../../src/domain/refusal.ts'

const strict = defaultPolicy
const rp = `rp_${'0'.repeat(26)}`
const lax = policyOf({ profile: 'compat', numberDigits: 4, numberNoneAllowedFor: [rp] })

describe('a challenge gets its number', () => {
  test.each<[string, NumberRequest, typeof strict, object]>([
    [
      'with the digits of the policy',
      { mode: 'service' },
      strict,
      { mode: 'service', digits: 6, wrongNumbersMax: 3 },
    ],
    [
      'with more digits when requested',
      { mode: 'service', digits: 8 },
      strict,
      { digits: 8, wrongNumbersMax: 3 },
    ],
    [
      'with only one attempt below six digits',
      { mode: 'service' },
      lax,
      { digits: 4, wrongNumbersMax: 1 },
    ],
    [
      'with only one attempt below six digits, even where the policy has more',
      { mode: 'service' },
      { ...lax, wrongNumbersMax: 3 },
      { digits: 4, wrongNumbersMax: 1 },
    ],
    [
      'from the caller, with leading zeros',
      { mode: 'caller', value: '000123' },
      strict,
      { mode: 'caller', digits: 6 },
    ],
    [
      'not at all where the policy allows that',
      { mode: 'none' },
      lax,
      { mode: 'none', digits: null },
    ],
  ])('%s', (_, request, policy, plan) => {
    expect(planNumber(policy, request, rp)).toMatchObject(plan)
  })
})

describe('a challenge is refused', () => {
  test.each<[string, NumberRequest, string]>([
    ['without a number where the policy wants one', { mode: 'none' }, 'number_none_not_allowed'],
    ['with fewer digits than the policy wants', { mode: 'service', digits: 5 }, 'number_too_short'],
    ['with no digits', { mode: 'service', digits: 0 }, 'number_too_short'],
    ['with a negative count of digits', { mode: 'service', digits: -1 }, 'number_too_short'],
    ['with nine digits', { mode: 'service', digits: 9 }, 'invalid_request'],
    [
      'with a caller’s number that is too short',
      { mode: 'caller', value: '12345' },
      'number_too_short',
    ],
    [
      'with a caller’s number that is too long',
      { mode: 'caller', value: '123456789' },
      'invalid_request',
    ],
    ['with letters in a caller’s number', { mode: 'caller', value: '12345a' }, 'invalid_request'],
    ['with Arabic digits', { mode: 'caller', value: '٠١٢٣٤٥' }, 'invalid_request'],
    ['with full-width digits', { mode: 'caller', value: '１２３４５６' }, 'invalid_request'],
    ['with a sign', { mode: 'caller', value: '-12345' }, 'invalid_request'],
    ['with an empty caller’s number', { mode: 'caller', value: '' }, 'invalid_request'],
  ])('%s', (_, request, code) => {
    expect(planNumber(strict, request, rp)).toMatchObject({ refused: code })
  })
})

test('no request gets fewer digits or more attempts than the policy gives', () => {
  const requests = fc.oneof(
    fc.record({ mode: fc.constant('service' as const), digits: fc.integer({ min: -2, max: 12 }) }),
    fc.record({
      mode: fc.constant('caller' as const),
      value: fc.stringMatching(/^[0-9a٠-٩]{0,10}$/),
    }),
    fc.constant({ mode: 'none' as const }),
  )
  const policies = fc.record({
    numberDigits: fc.integer({ min: 0, max: 10 }),
    wrongNumbersMax: fc.integer({ min: 0, max: 10 }),
    profile: fc.constantFrom('compat', 'nist-800-63b-4'),
    numberNoneAllowedFor: fc.constantFrom([], [rp]),
  })
  fc.assert(
    fc.property(requests, policies, (request, overrides) => {
      const policy = policyOf(overrides)
      const plan = planNumber(policy, request, rp)
      if (isRefusal(plan)) return
      expect(plan.digits === null).toBe(request.mode === 'none')
      expect(
        plan.digits === null
          ? policy.numberNoneAllowedFor.includes(rp)
          : plan.digits >= policy.numberDigits,
      ).toBe(true)
      expect(plan.digits ?? 2).toBeLessThanOrEqual(8)
      expect(plan.wrongNumbersMax).toBeLessThanOrEqual(policy.wrongNumbersMax)
      // Six digits: at most 3 in a million; fewer: one attempt, at most 1 in 100.
      if (plan.digits !== null) {
        expect(plan.wrongNumbersMax * 10 ** -plan.digits).toBeLessThanOrEqual(
          plan.digits < 6 ? 1e-2 : 1e-5,
        )
      }
    }),
  )
})

describe('a number is', () => {
  test.each(['000000', '483920', '999999'])('six ASCII digits: %s', (text) => {
    expect(isNumberOf(6, text)).toBe(true)
  })

  test.each([
    ['empty', ''],
    ['short', '48392'],
    ['long', '4839200'],
    ['signed', '+48392'],
    ['negative', '-48392'],
    ['an exponent', '4839e0'],
    ['hexadecimal', '0x1234'],
    ['spaced', '483 92'],
    ['led by a space', ' 48392'],
    ['followed by a line feed', '48392\n'],
    ['right, with a line feed behind it', '483920\n'],
    ['in Arabic digits', '٤٨٣٩٢٠'],
    ['in Devanagari digits', '४८३९२०'],
    ['in full-width digits', '４８３９２０'],
    ['in mathematical digits', '𝟒𝟖𝟑'],
    ['in superscripts', '⁴⁸³⁹²⁰'],
    ['a list', '4,8,39'],
  ])('not one that is %s: %j', (_, text) => {
    expect(isNumberOf(6, text)).toBe(false)
  })

  test('exactly as many ASCII digits as required, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.string({ unit: 'grapheme', maxLength: 9 }),
        (digits, text) => {
          const ascii = [...text].every((one) => '0123456789'.includes(one))
          expect(isNumberOf(digits, text)).toBe(text !== '' && ascii && text.length === digits)
        },
      ),
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99_999_999 }), (value) => {
        const text = String(value)
        expect(isNumberOf(text.length, text)).toBe(true)
        expect(isNumberOf(text.length + 1, text)).toBe(false)
      }),
    )
  })

  test('never empty', () => {
    expect(isNumberOf(0, '')).toBe(false)
  })
})

describe('the caller’s number is hidden', () => {
  test.each([
    ['Code 483920', 'Code ••••••'],
    ['483920', '••••••'],
    ['Code 483 920', 'Code ••••••'],
    ['Code 483-920.', 'Code ••••••.'],
    ['Code 4.8.3.9.2.0', 'Code ••••••'],
    ['Code 483–920', 'Code ••••••'],
    ['Code 483‑920', 'Code ••••••'],
    ['Code 483 920', 'Code ••••••'],
    ['Code 483/920', 'Code ••••••'],
    ["Code 483'920", 'Code ••••••'],
    ['Code (48)(39)(20)', 'Code (••••••)'],
    ['No. 1483920', 'No. 1••••••'],
    ['twice 483920 and 483920', 'twice •••••• and ••••••'],
    ['another 483921', 'another 483921'],
    ['Code ٤٨٣٩٢٠', 'Code ••••••'],
    ['Code ४८३ ९２0 of ٣', 'Code •••••• of 3'],
    ['of ٣', 'of ٣'],
    ['4️⃣8️⃣3️⃣9️⃣2️⃣0️⃣', '••••••️⃣'],
    ['48 apples, 39 pears, 20 plums', '48 apples, 39 pears, 20 plums'],
  ])('%j is shown as %j', (text, result) => {
    expect(hideNumber(text, '483920')).toBe(result)
  })

  const digits = fc.stringMatching(/^[0-9]{2,8}$/)
  const filler = fc.string({
    unit: fc.constantFrom(' ', '-', '.', '–', '/', ',', ':', "'", '4', '0', 'x'),
    maxLength: 12,
  })

  test('wherever it is and however its digits are separated', () => {
    const gap = fc.constantFrom('', ' ', '  ', '-', '.', ' – ', '/', '’', ' · ')
    fc.assert(
      fc.property(filler, digits, gap, filler, (before, number, between, behind) => {
        const result = hideNumber(`${before}${number.split('').join(between)}${behind}`, number)
        const runs = result.split(/[•\p{L}]/u).map((part) => part.replace(/[^\p{L}\p{N}]/gu, ''))
        expect(runs.some((run) => run.includes(number))).toBe(false)
      }),
    )
  })

  test('and nothing else is: a text without it stays as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), digits, (text, number) => {
        fc.pre(!text.replace(/[^0-9]/g, '').includes(number))
        expect(hideNumber(text, number)).toBe(text)
      }),
    )
  })
})

test.each([
  ['service', strict],
  ['service', lax],
  ['none', lax],
  ['none', strict],
] as const)('a request for nothing but the mode %s is planned like any other', (mode, policy) => {
  expect(planUsualNumber(policy, mode, rp)).toEqual(planNumber(policy, { mode }, rp))
})
