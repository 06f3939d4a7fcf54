import { expect, test } from 'vitest'
import type { ChallengeId } from '../../src/domain/ids.ts'
import {
  continuedBy,
  errorOf,
  isPromptOver,
  nextRound,
  outcomeOf,
  outcomeOfChallenge,
  promptOutcomes,
  promptStateOf,
  roundsMax,
} from '../../src/domain/prompt.ts'

const now = new Date('2026-11-30T12:00:00Z')
const later = new Date('2026-11-30T12:00:01Z')
const live = { outcome: null, expiresAt: later, round: 0 } as const

test('a prompt is over with its outcome or its time', () => {
  expect(isPromptOver(live, now)).toBe(false)
  expect(isPromptOver({ ...live, expiresAt: now }, now)).toBe(true)
  expect(isPromptOver({ ...live, expiresAt: new Date(Number.NaN) }, now)).toBe(true)
  expect(isPromptOver({ ...live, outcome: 'denied' }, now)).toBe(true)
})

test('one whose time has passed has expired, unless it ended before', () => {
  expect(outcomeOf(live, now)).toBeNull()
  expect(outcomeOf({ ...live, expiresAt: now }, now)).toBe('expired')
  expect(outcomeOf({ ...live, expiresAt: now, outcome: 'approved' }, now)).toBe('approved')
})

test('another number is shown once, while the prompt goes on', () => {
  expect(nextRound(live, now)).toBe(1)
  expect(nextRound({ ...live, round: 1 }, now)).toBe(2)
  expect(nextRound({ ...live, round: roundsMax }, now)).toMatchObject({ refused: 'conflict' })
  expect(nextRound({ ...live, expiresAt: now }, now)).toMatchObject({ refused: 'challenge_ended' })
})

test('the end of a challenge is that of its prompt', () => {
  expect(outcomeOfChallenge({ status: 'pending', reason: null })).toBeNull()
  expect(outcomeOfChallenge({ status: 'denied', reason: 'user_reported' })).toBe('reported')
  expect(outcomeOfChallenge({ status: 'denied', reason: 'number_mismatch' })).toBe('denied')
  expect(outcomeOfChallenge({ status: 'approved', reason: null })).toBe('approved')
  expect(outcomeOfChallenge({ status: 'cancelled', reason: null })).toBe('cancelled')
})

test('after the time of a number another may follow, and so may one that took its place', () => {
  expect(outcomeOfChallenge({ status: 'expired', reason: null })).toBeNull()
  expect(outcomeOfChallenge({ status: 'cancelled', reason: 'superseded' })).toBeNull()
})

test('another number takes the place of the one before, also when it is asked once more', () => {
  const [first, second] = ['chl_first', 'chl_second'] as ChallengeId[]
  if (!first || !second) throw new Error('two ids')
  const none = { challengeId: null, formerChallengeId: null }
  expect(continuedBy(none, first)).toBeNull()
  expect(continuedBy({ ...none, challengeId: first }, first)).toBeNull()
  expect(continuedBy({ ...none, challengeId: first }, second)).toBe(first)
  expect(continuedBy({ challengeId: second, formerChallengeId: first }, second)).toBe(first)
})

test('a page shows the same of a prompt that asks and of one that asks nobody', () => {
  const stateAt = (more: object) => promptStateOf({ ...live, roundUntil: null, ...more }, now)
  expect(stateAt({})).toBe('ready')
  expect(stateAt({ round: 1 })).toBe('ready')
  expect(stateAt({ round: 1, roundUntil: later })).toBe('asking')
  expect(stateAt({ round: 1, roundUntil: now })).toBe('round_over')
  expect(stateAt({ round: roundsMax, roundUntil: now })).toBe('over')
  expect(stateAt({ round: 1, roundUntil: later, outcome: 'denied' })).toBe('over')
})

test('an approval alone is no error to the client', () => {
  const errors = promptOutcomes.map((one) => [one, errorOf(one)])
  expect(Object.fromEntries(errors)).toEqual({
    approved: null,
    denied: 'access_denied',
    reported: 'access_denied',
    expired: 'access_denied',
    cancelled: 'access_denied',
    code_not_allowed: 'access_denied',
    unavailable: 'temporarily_unavailable',
  })
})
