import { describe, expect, test } from 'vitest'
import { chooseShownNumber } from '../../src/domain/shown-number.ts'

const shownNumber = (id: string, live: boolean) => ({ id, live })

describe('of the numbers that a person was shown at one place', () => {
  test('the live one counts, next to any that have expired', () => {
    const one = shownNumber('a', true)
    expect(chooseShownNumber([one])).toBe(one)
    expect(chooseShownNumber([shownNumber('b', false), one, shownNumber('c', false)])).toBe(one)
  })

  test('none counts when none is live', () => {
    expect(chooseShownNumber([])).toMatchObject({ refused: 'caller_number_missing' })
    expect(chooseShownNumber([shownNumber('a', false)])).toMatchObject({
      refused: 'caller_number_missing',
    })
  })

  test('of two live ones neither counts: it is unknown which of them the person sees', () => {
    const two = [shownNumber('a', true), shownNumber('b', true)]
    expect(chooseShownNumber(two)).toMatchObject({ refused: 'numbers_ambiguous' })
  })
})
