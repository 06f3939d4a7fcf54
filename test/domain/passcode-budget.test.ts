import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Budget, isKnownSource, passcodeBudgets } from '../../src/domain/passcode-budget.ts'
import { later, now } from './examples.ts'

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

describe('an initiator is known', () => {
  const never = { succeededAt: null, approvedAt: null, blockedUntil: null }
  const isKnown = (history: Partial<Parameters<typeof isKnownSource>[0]>) =>
    isKnownSource({ ...never, ...history }, 30, now)

  test.each(['succeededAt', 'approvedAt'] as const)('for 30 days after %s', (success) => {
    expect(isKnown({ [success]: later(-30 * 86_400 + 1) })).toBe(true)
    expect(isKnown({ [success]: later(-30 * 86_400) })).toBe(false)
  })

  test('not while it is reported, and not without a success', () => {
    const history = { succeededAt: now, approvedAt: now }
    expect(isKnown({ ...history, blockedUntil: later(1) })).toBe(false)
    expect(isKnown({ ...history, blockedUntil: now })).toBe(true)
    expect(isKnown({})).toBe(false)
  })
})
