import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Budget, initiatorOf, passcodeBudgets } from '../../src/domain/passcode-budget.ts'
import { rpId } from './examples.ts'

/** Failures that a budget lets through in the worst year. */
const guessesPerYear = ({ burst, refillSeconds }: Budget) =>
  burst + Math.floor((365 * 24 * 3600) / refillSeconds)

describe('who tries', () => {
  test.each([
    [{ browserId: 'b', network: '203.0.113.0/24' }, `${rpId}:browser:b`],
    [{ network: '203.0.113.0/24' }, `${rpId}:network:203.0.113.0/24`],
    [{}, rpId],
  ])('%j is %s', (given, name) => {
    expect(initiatorOf(rpId, given)).toBe(name)
  })

  test('is somebody else at another relying party, and no browser is named like a network', () => {
    const names = [
      initiatorOf(rpId, { browserId: 'x' }),
      initiatorOf(rpId, { network: 'x' }),
      initiatorOf('rp_other', { browserId: 'x' }),
    ]
    expect(new Set(names).size).toBe(names.length)
  })
})

test('what outsiders may guess in a year is what docs/limits.md says', () => {
  const guesses = guessesPerYear(passcodeBudgets.strangers)
  const accepted = 3
  const chance = (digits: number) => Number(((100 * accepted * guesses) / 10 ** digits).toFixed(4))
  expect(guessesPerYear(passcodeBudgets.known)).toBe(guesses)
  const text = readFileSync('docs/limits.md', 'utf8')
  expect(text).toContain(`${guesses.toLocaleString('en')} guesses a year`)
  expect(text).toContain(`${chance(6)} % with six digits, ${chance(8)} % with eight`)
})
