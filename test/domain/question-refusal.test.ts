import { describe, expect, test } from 'vitest'
import {
  factorsDespite,
  type QuestionRefusal,
  withOtherFactors,
} from '../../src/domain/question-refusal.ts'
import { refuse } from '../../src/domain/refusal.ts'

describe('the refusal of a question', () => {
  test('keeps what it says and names what the user has beside the push', () => {
    const locked = refuse('push_locked', { retryAfterSeconds: 3, facts: { lock: 'reported' } })
    expect(withOtherFactors(locked, ['passcode'])).toEqual({
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

  test('does not compile when it forgets them, unless it is about nobody', () => {
    const about: QuestionRefusal = refuse('user_not_found')
    // @ts-expect-error: a refusal about a known user names what else there is
    const forgetful: QuestionRefusal = refuse('no_capable_device')
    expect([about, forgetful].map(({ refused }) => refused)).toHaveLength(2)
  })
})
