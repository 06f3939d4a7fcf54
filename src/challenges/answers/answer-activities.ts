import { activity, type NewActivity } from '../../domain/activity.ts'
import type { Answer, AnswerEffect } from '../../domain/answer.ts'
import type { Challenge } from '../../domain/challenge.ts'
import type { Device } from '../../domain/device.ts'
import type { WrongNumberEffect } from '../../domain/protection.ts'

/** An answer and what was decided about it. */
export type DecidedAnswer = {
  readonly answer: Answer
  readonly effect: AnswerEffect
  readonly challenge: Challenge
  /** In which the device was asked. */
  readonly protocolVersion: number
  readonly device: Device
}

/** What an answer adds to the record: itself, the end that it brings about, and the lock. */
export function answerActivities(
  { answer, effect, challenge, device }: DecidedAnswer,
  lock: WrongNumberEffect['lock'],
): NewActivity[] {
  const type =
    effect.outcome === 'wrong_number'
      ? 'number_failed'
      : effect.outcome === 'approved'
        ? 'challenge_approved'
        : answer.decision === 'report'
          ? 'challenge_reported'
          : 'challenge_denied'
  const about = {
    userId: challenge.userId,
    actor: `device:${device.id}`,
    challengeId: challenge.id,
    deviceId: device.id,
  } as const
  const lockDetail = answer.decision === 'report' ? 'reported' : lock
  // Every end of a challenge is recorded once under its own type, this one too: webhooks rely on
  // it.
  const endedBy = effect.outcome === 'wrong_number' ? effect.reason : null
  return [
    activity({ ...about, type }),
    ...(endedBy === null
      ? []
      : [activity({ ...about, type: 'challenge_denied', details: { reason: endedBy } })]),
    ...(lockDetail === null
      ? []
      : [activity({ ...about, type: 'push_locked', details: { lock: lockDetail } })]),
  ]
}
