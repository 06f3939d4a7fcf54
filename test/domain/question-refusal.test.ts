import { describe, expect, test } from 'vitest'
import {
  factorsDespite,
  type QuestionRefusal,
  withOtherFactors,
} from '../../src/domain/question-refusal.ts'
import { refuse } from '../../src/domain/refusal.ts'

describe('the refusal of a challenge', () => {
  test('keeps its content and names the user’s other factors', () => {
    const refusal = refuse('push_locked', { retryAfterSeconds: 3, facts: { lock: 'reported' } })
    expect(withOtherFactors(refusal, ['passcode'])).toEqual({
      refused: 'push_locked',
      retryAfterSeconds: 3,
      facts: { lock: 'reported', otherFactors: ['passcode'] },
    })
  })

  test('names nothing for a suspended user, whose codes are refused as well', () => {
    expect(factorsDespite(refuse('user_suspended'), ['passcode'])).toEqual([])
    expect(withOtherFactors(refuse('user_suspended'), ['passcode'])).toEqual({
      refused: 'user_suspended',
      facts: { otherFactors: [] },
    })
  })

  test('does not compile without the other factors, unless it is about no user', () => {
    const about: QuestionRefusal = refuse('user_not_found')
    // @ts-expect-error: a refusal about a known user names the other factors
    const forgetful: QuestionRefusal = refuse('no_capable_device')
    expect([about, forgetful].map(({ refused: code }) => code)).toHaveLength(2)
  })
})
