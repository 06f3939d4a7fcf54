// How far a prompt has come, read off what was loaded.

import {
  answerSeconds,
  outcomeOf,
  type PromptOutcome,
  promptGraceSeconds,
} from '../domain/prompt.ts'
import type { Round } from './ask-round.ts'
import type { OwnPrompt } from './own-prompt.ts'

/** How the prompt has ended; null while it goes on. One without another number has expired. */
export function endOf({ prompt, state }: OwnPrompt): PromptOutcome | null {
  return outcomeOf(prompt, prompt.now) ?? (state === 'over' ? 'expired' : null)
}

/**
 * Whether the client can still be answered: for the first time while the prompt is of now, or the
 * same again.
 */
export function isAnswerKept({ prompt: { answeredAt, expiresAt, now } }: OwnPrompt): boolean {
  const [since, seconds] =
    answeredAt === null ? [expiresAt, promptGraceSeconds] : [answeredAt, answerSeconds]
  return now.getTime() - since.getTime() < seconds * 1000
}

/** What has happened to the question of the round. */
export type Progress = { readonly triesLeft: number }

/** How far the question has come; null where no device has it: that nobody is asked is not said. */
export function progressOf({ question, state }: OwnPrompt): Progress | null {
  if (question === null || state !== 'asking') return null
  const { devices, challenge } = question
  const isFetched = devices.some(
    ({ fetchedAt, receivedAt }) => fetchedAt !== null || receivedAt !== null,
  )
  return isFetched ? { triesLeft: challenge.wrongNumbersLeft } : null
}

/** How long a question may take to be there. */
const askSeconds = 3

/**
 * The round to ask again, where its question is late: the process that was to ask may be gone. Null
 * where it is there or may still come. Where nobody can be asked, asking again changes nothing.
 */
export function lateRound({ prompt, question, state, number }: OwnPrompt): Round | null {
  const { round, roundAt, roundUntil, challengeId, now } = prompt
  if (state !== 'asking' || question !== null || number === null) return null
  if (roundAt === null || roundUntil === null || challengeId === null) return null
  if (now.getTime() - roundAt.getTime() < askSeconds * 1000) return null
  // As it was asked at first: equal questions are one.
  const seconds = Math.round((roundUntil.getTime() - roundAt.getTime()) / 1000)
  return { round, challengeId, number, seconds }
}
