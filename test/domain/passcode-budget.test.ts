import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Budget, passcodeBudgets } from '../../src/domain/passcode-budget.ts'

/** Failures that a budget lets through in the worst year. */
const guessesPerYear = ({ burst, refillSeconds }: Budget) =>
  burst + Math.floor((365 * 24 * 3600) / refillSeconds)

test('the guesses that outsiders have in a year are as docs/limits.md says', () => {
  const guesses = guessesPerYear(passcodeBudgets.strangers)
  const acceptedSteps = 3
  const chance = (digits: number) =>
    Number(((100 * acceptedSteps * guesses) / 10 ** digits).toFixed(4))
  expect(guessesPerYear(passcodeBudgets.known)).toBe(guesses)
  const text = readFileSync('docs/limits.md', 'utf8')
  expect(text).toContain(`${guesses.toLocaleString('en')} guesses a year`)
  expect(text).toContain(`${chance(6)} % with six digits, ${chance(8)} % with eight`)
})
