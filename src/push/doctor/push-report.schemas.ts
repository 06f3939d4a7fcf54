import { z } from 'zod'
import { pushFailures, pushKinds, pushSuppressions } from '../../domain/push.ts'
import {
  pushAdvices,
  pushDelayMs,
  pushesShownMax,
  reasonForNotSending,
} from '../../domain/push-advice.ts'
import { pushStatus } from '../../platform/http/schemas/enumerations.ts'
import { shownId } from '../../platform/http/schemas/ids.ts'
import { timestamp } from '../../platform/http/schemas/time.ts'
import type { PushReport } from './read-pushes.ts'

const pushMembers = {
  id: shownId('delivery', 'The push.'),
  kind: z.enum(pushKinds).meta({ id: 'PushKind', description: 'What the push is about.' }),
  status: pushStatus.meta({ example: 'sent' }),
  attempts: z.uint32().meta({ example: 1 }),
  queuedAt: timestamp('When it was queued.'),
  sentAt: timestamp('When the push service accepted it.').nullable(),
  receivedAt: timestamp(
    'When the device confirmed it; prompts (`challenge_opened`) and tests are confirmed.',
  ).nullable(),
  answeredAt: timestamp('When the device first answered its challenge.').nullable(),
  failure: z
    .enum([...pushFailures, ...pushSuppressions])
    .nullable()
    .meta({
      description:
        'Why it was not sent, or not yet; null when it was. See docs/limits.md, section Push ' +
        'doctor.',
      example: null,
    }),
  delayMs: z
    .number()
    .int()
    .nonnegative()
    .nullable()
    .meta({ description: 'Milliseconds from queueing to the receipt.', example: 840 }),
}

const reportMembers = {
  advice: z
    .array(z.enum(pushAdvices).meta({ id: 'PushAdvice', description: 'What would help.' }))
    .readonly()
    .meta({
      description: 'What would help, by the rules in docs/limits.md, section Push doctor.',
      example: ['enable_notifications'],
    }),
  serverTime: timestamp('When the report was made: the clock to compare with.'),
}

export const ownPushReportBody = z
  .object({
    items: z
      .array(
        z
          .object(pushMembers)
          .meta({ id: 'OwnPush', description: 'One push, as its user sees it.' }),
      )
      .max(pushesShownMax)
      .readonly(),
    ...reportMembers,
    clockSkewMs: z
      .number()
      .int()
      .nullable()
      .meta({
        description:
          'By how much the time in the proof of this call is ahead of ours, negative when ' +
          'behind; null where no device called.',
        example: -350,
      }),
  })
  .meta({ id: 'OwnPushReport', description: 'The last pushes of a device, newest first.' })

export const pushReportBody = z
  .object({
    items: z
      .array(
        z
          .object({
            ...pushMembers,
            reason: z
              .string()
              .nullable()
              .meta({ description: 'The same in the words of the push service, or ours.' }),
          })
          .meta({ id: 'DevicePush', description: 'One push to a device.' }),
      )
      .max(pushesShownMax)
      .readonly(),
    ...reportMembers,
  })
  .meta({ id: 'PushReport', description: 'The last pushes of a device, newest first.' })

/** The report as the help desk reads it. */
export function shownReport({
  pushes,
  advice,
  serverTime,
}: PushReport): z.output<typeof pushReportBody> {
  const items = pushes.map((push) => ({
    ...push,
    failure: reasonForNotSending(push),
    delayMs: pushDelayMs(push),
  }))
  return { items, advice, serverTime }
}

/** The same for the user of the device: without the words of push services. */
export function shownOwnReport(report: PushReport): z.output<typeof ownPushReportBody> {
  const { items, ...shown } = shownReport(report)
  return {
    ...shown,
    items: items.map(({ reason: _reason, ...push }) => push),
    clockSkewMs: report.clockSkewMs,
  }
}
