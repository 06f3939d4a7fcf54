import { expect, test } from 'vitest'
import { checkOccurredAt } from '../../src/domain/posted-activity.ts'

const now = new Date('2027-01-31T12:00:00Z')
const at = (seconds: number) => checkOccurredAt(new Date(now.getTime() + seconds * 1000), now)
const days30 = 30 * 24 * 60 * 60

test('a relying party may post about the past 30 days, not about the future', () => {
  for (const seconds of [0, -1, 60, -days30]) expect(at(seconds)).toBeUndefined()
  for (const seconds of [61, -days30 - 1, Number.NaN]) {
    expect(at(seconds)).toMatchObject({ refused: 'invalid_request' })
  }
})
