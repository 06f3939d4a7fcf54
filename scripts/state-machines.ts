// The state machines of docs/diagrams.md. The domain decides what an answer, a typed number and
// time do, so those arrows are found by asking it; the others belong to statements, and every
// statement that sets a status must have its arrows here.

import { type Decision, decideAnswer, decisions } from '../src/domain/answer.ts'
import { challengeStatuses, isOver } from '../src/domain/challenge.ts'
import { deviceStatuses } from '../src/domain/device.ts'
import {
  confirmEnrollment,
  type Enrollment,
  enrollmentViews,
  type VoidReason,
  viewOf,
} from '../src/domain/enrollment.ts'
import { numberModes } from '../src/domain/number-match.ts'
import { deliveryStatuses } from '../src/domain/push.ts'

type Status =
  | (typeof challengeStatuses)[number]
  | (typeof enrollmentViews)[number]
  | (typeof deviceStatuses)[number]
  | (typeof deliveryStatuses)[number]

/** From one status to another, or from nothing to the first one. */
export type Arrow = {
  readonly from: Status | null
  readonly to: Status
  readonly when: string
  /** The statements that do it; none where it is a matter of the clock alone. */
  readonly by: readonly string[]
}

export type Machine = {
  readonly title: string
  readonly table: string
  readonly statuses: readonly Status[]
  readonly arrows: readonly Arrow[]
}

function answerWords(decision: Decision, isTyped: boolean, matches: boolean): string {
  if (decision !== 'approve') return decision
  if (!isTyped) return 'approve, where no number is asked'
  return `approve, ${matches ? 'right' : 'wrong'} number`
}

/** What the rule of answers does to a pending challenge, for all that can be answered. */
function answerArrows(): Arrow[] {
  const arrows = decisions.flatMap((decision) =>
    numberModes.flatMap((numberMode) =>
      [true, false].flatMap((matches) =>
        [2, 1].flatMap((wrongNumbersLeft): Arrow[] => {
          const isTyped = decision === 'approve' && numberMode !== 'none'
          const effect = decideAnswer(
            { numberMode, numberDigits: 6, wrongNumbersLeft },
            { decision, number: isTyped ? '123456' : null },
            matches,
          )
          if (!('status' in effect)) return []
          const isLastTry = effect.outcome === 'wrong_number' && effect.status !== 'pending'
          const words = answerWords(decision, isTyped, matches)
          const when = isLastTry ? `${words}, the last try` : words
          const label = effect.reason === null ? when : `${when} (${effect.reason})`
          return [
            {
              from: 'pending',
              to: effect.status,
              when: label,
              by: ['record_answer', 'record_answers'],
            },
          ]
        }),
      ),
    ),
  )
  return [...new Map(arrows.map((arrow) => [JSON.stringify(arrow), arrow])).values()]
}

const soon = new Date(1)
const past = new Date(-1)
const now = new Date(0)

/** In which a challenge ends by time: those that are over once it has expired, and not before. */
function expiryArrows(): Arrow[] {
  return challengeStatuses
    .filter((status) => !isOver({ status, expiresAt: soon }, now))
    .filter((status) => isOver({ status, expiresAt: past }, now))
    .map((from) => ({
      from,
      to: 'expired',
      when: 'its time is over',
      by: ['expire_challenge', 'expire_challenges'],
    }))
}

const challenge: Machine = {
  title: 'Challenge',
  table: 'challenges',
  statuses: challengeStatuses,
  arrows: [
    {
      from: null,
      to: 'pending',
      when: 'the relying party asks',
      by: ['insert_challenge', 'insert_challenges'],
    },
    ...answerArrows(),
    ...expiryArrows(),
    {
      from: 'pending',
      to: 'denied',
      when: 'its last device is gone (no_device_left)',
      by: ['end_orphaned'],
    },
    {
      from: 'pending',
      to: 'cancelled',
      when: 'the relying party cancels',
      by: ['cancel_challenge'],
    },
    {
      from: 'pending',
      to: 'cancelled',
      when: 'the user reports, or is suspended',
      by: ['cancel_pending'],
    },
  ],
}

function confirmationArrows(): Arrow[] {
  const cases = [
    { matches: true, left: 2, when: 'right number' },
    { matches: false, left: 2, when: 'wrong number' },
    { matches: false, left: 1, when: 'wrong number, the last try' },
  ]
  const statusOf = { confirmed: 'completed', wrong_number: 'claimed', void: 'void' } as const
  return cases.map(({ matches, left, when }) => ({
    from: 'claimed',
    to: statusOf[confirmEnrollment(left, matches).outcome],
    when,
    by: ['confirm_claim'],
  }))
}

function runOutArrows(): Arrow[] {
  const storedStatuses = enrollmentViews.filter((status) => status !== 'expired')
  return storedStatuses
    .filter((status) => viewOf({ status, expiresAt: past } as Enrollment, now) === 'expired')
    .map((from) => ({ from, to: 'expired', when: 'its time is over', by: [] }))
}

const voidReasons: Readonly<Record<Exclude<VoidReason, 'number_tries_used_up'>, string>> = {
  device_unregistered: 'void_enrollments',
  device_suspended: 'void_enrollments',
  user_suspended: 'void_enrollments_of_user',
}

const enrollment: Machine = {
  title: 'Enrollment',
  table: 'enrollments',
  statuses: enrollmentViews,
  arrows: [
    {
      from: null,
      to: 'open',
      when: 'a relying party or a device opens it',
      by: ['insert_enrollment'],
    },
    {
      from: 'open',
      to: 'claimed',
      when: 'a phone claims it with its keys',
      by: ['claim_enrollment'],
    },
    {
      from: 'open',
      to: 'completed',
      when: 'claimed, and the policy asks for no confirmation',
      by: ['claim_enrollment'],
    },
    ...confirmationArrows(),
    ...runOutArrows(),
    ...(['open', 'claimed'] as const).flatMap((from): Arrow[] => [
      {
        from,
        to: 'cancelled',
        when: 'cancelled, its window or prompt ends, or its user is erased',
        by: ['cancel_enrollment', 'cancel_enrollments_of_window', 'cut_off_0'],
      },
      ...Object.entries(voidReasons).map(
        ([reason, by]): Arrow => ({ from, to: 'void', when: reason, by: [by] }),
      ),
    ]),
  ],
}

const device: Machine = {
  title: 'Device',
  table: 'devices',
  statuses: deviceStatuses,
  arrows: [
    {
      from: null,
      to: 'unconfirmed',
      when: 'it claims an enrollment',
      by: ['insert_device'],
    },
    {
      from: null,
      to: 'active',
      when: 'the same, without confirmation',
      by: ['insert_device'],
    },
    {
      from: 'unconfirmed',
      to: 'active',
      when: 'the number is typed',
      by: ['activate_device'],
    },
    {
      from: 'active',
      to: 'suspended',
      when: 'an admin suspends it, or the device that it belongs to',
      by: ['device_suspended'],
    },
    {
      from: 'suspended',
      to: 'active',
      when: 'an admin makes it active',
      by: ['device_activated'],
    },
    ...(['unconfirmed', 'active', 'suspended'] as const).map(
      (from): Arrow => ({
        from,
        to: 'unregistered',
        when: from === 'unconfirmed' ? 'not confirmed, or unregistered' : 'unregistered',
        by: ['unregister_devices'],
      }),
    ),
  ],
}

const delivery: Machine = {
  title: 'Delivery of a push',
  table: 'deliveries',
  statuses: deliveryStatuses,
  arrows: [
    {
      from: null,
      to: 'queued',
      when: 'its cause is committed',
      by: [
        'insert_challenge',
        'insert_challenges',
        'resend_challenge',
        'record_answer',
        'record_answers',
        'cancel_challenge',
        'enqueue_closings',
        'enqueue_notice',
        'enqueue_notice_digest',
        'insert_test_push',
      ],
    },
    { from: 'queued', to: 'sent', when: 'accepted', by: ['settle_deliveries'] },
    {
      from: 'queued',
      to: 'queued',
      when: 'retry, while it is still worth sending',
      by: ['settle_deliveries'],
    },
    {
      from: 'queued',
      to: 'failed',
      when: 'token_gone, rejected, misconfigured, or no time for a retry',
      by: ['settle_deliveries'],
    },
    {
      from: 'queued',
      to: 'suppressed',
      when: 'the challenge has ended, or the device is gone',
      by: ['settle_deliveries', 'suppress_deliveries'],
    },
  ],
}

export const machines: readonly Machine[] = [challenge, enrollment, device, delivery]
