import { describe, expect, test } from 'vitest'
import { chooseShownNumber } from '../../src/domain/shown-number.ts'

const shown = (id: string, live: boolean) => ({ id, live })

describe('of the numbers that a person was shown at one place', () => {
  test('the one that lives counts, whatever has run out beside it', () => {
    const one = shown('a', true)
    expect(chooseShownNumber([one])).toBe(one)
    expect(chooseShownNumber([shown('b', false), one, shown('c', false)])).toBe(one)
  })

  test('none counts when none lives', () => {
    expect(chooseShownNumber([])).toMatchObject({ refused: 'caller_number_missing' })
    expect(chooseShownNumber([shown('a', false)])).toMatchObject({
      refused: 'caller_number_missing',
    })
  })

  test('of two that live neither counts: nobody knows which of them the person sees', () => {
    const two = [shown('a', true), shown('b', true)]
    expect(chooseShownNumber(two)).toMatchObject({ refused: 'numbers_ambiguous' })
  })
})
