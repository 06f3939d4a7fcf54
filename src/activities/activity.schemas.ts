import { z } from 'zod'
import { activityTypes } from '../domain/activity.ts'
import {
  type NoticeCategory,
  type NoticeChannel,
  type NoticePreferences,
  noticeChannels,
} from '../domain/notice.ts'
import { severity } from '../platform/http/schemas/enumerations.ts'
import { shownId } from '../platform/http/schemas/ids.ts'
import { pageBody } from '../platform/http/schemas/paging.ts'
import { showable, shownText } from '../platform/http/schemas/text.ts'
import { timeExample, timestamp } from '../platform/http/schemas/time.ts'

export const activityBody = z
  .object({
    id: shownId('activity', 'The activity.'),
    userId: shownId('user', 'The user it happened to.'),
    type: z.enum(activityTypes).meta({ example: 'posted' }),
    severity,
    actor: z.string().meta({
      description:
        'Who did it: `device:<id>`, `portal:<id>`, `api_key:<id>`, `integration:<id>`, ' +
        '`operator` or `service`.',
      example: 'api_key:01jv9z3k8we2tvn4qh6yrx7b5c',
    }),
    challengeId: z.string().nullable(),
    deviceId: z.string().nullable(),
    enrollmentId: z.string().nullable(),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).meta({
      description:
        'Small facts to show, by type. For the user’s devices the `application` of a sign-in is ' +
        'one, as long as the challenge is kept.',
    }),
    posted: z
      .object({
        type: shownText('password_changed'),
        title: shownText('Your password was changed'),
        message: shownText('If this was not you, tell your help desk.').exactOptional(),
        fields: z
          .array(z.object({ label: shownText('Browser'), value: shownText('Firefox on Windows') }))
          .readonly()
          .exactOptional(),
        occurredAt: shownText(timeExample, 'When it happened, by that relying party.'),
        relyingParty: z.object({
          id: shownId('relyingParty', 'The relying party.'),
          name: shownText('Example Bank'),
        }),
      })
      .nullable()
      .meta({
        description:
          'What a relying party claims (type `posted`): show it as the statement of that ' +
          'relying party. Null for what the service itself recorded.',
      }),
    occurredAt: timestamp('When it was recorded.'),
  })
  .meta({ id: 'Activity', description: 'One thing that happened to a user.' })

export const activityPage = pageBody(activityBody, 'ActivityPage', 'Activities, newest first.')

export const postedActivity = z
  .strictObject({
    type: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,63}$/)
      .meta({ description: 'What happened, in your own words.', example: 'password_changed' }),
    severity: severity.meta({
      description: 'How urgent it is: `warning` and `critical` are pushed, if the user wishes so.',
    }),
    title: showable(64, { description: 'What to show.', example: 'Your password was changed' }),
    message: showable(256, {
      description: 'More to show.',
      example: 'If this was not you, tell your help desk.',
    }).exactOptional(),
    occurredAt: z.iso
      .datetime()
      .transform((text) => new Date(text))
      .exactOptional()
      .meta({
        description: 'When it happened, within the past 30 days; now by default.',
        example: timeExample,
      }),
    fields: z
      .array(
        z.strictObject({
          label: showable(64, { description: 'A label.', example: 'Browser' }),
          value: showable(256, { description: 'A value.', example: 'Firefox on Windows' }),
        }),
      )
      .max(20)
      .exactOptional(),
  })
  .meta({
    id: 'PostedActivity',
    description: 'Something that happened to the user at the relying party, shown as its claim.',
  })

const channelFields = Object.entries(noticeChannels) as [NoticeCategory, readonly NoticeChannel[]][]
const channels = (category: NoticeCategory, among: readonly NoticeChannel[]) =>
  z.enum(among).meta({ description: `${aboutCategory[category]} Default: \`${among[0]}\`.` })
const aboutCategory: Record<NoticeCategory, string> = {
  security: 'Locks, reports, wrong numbers. What is critical is always pushed.',
  devices: 'Devices that come, go or change their names.',
  sign_in: 'Challenges and how they ended.',
  relying_party: 'What relying parties post.',
}
const channelsOf = (optional: boolean) =>
  Object.fromEntries(
    channelFields.map(([category, among]) => {
      const field = channels(category, among)
      return [category, optional ? field.exactOptional() : field]
    }),
  )

// The table gives the types; zod cannot follow through Object.fromEntries.
export const notificationPreferences = z.object(channelsOf(false)).meta({
  id: 'NotificationPreferences',
  description:
    'How the user is notified of each category: `push` immediately, `in_app` in the list ' +
    'only, `off` not even there.',
}) as unknown as z.ZodType<NoticePreferences, NoticePreferences>

export const wantedPreferences = z.strictObject(channelsOf(true)).meta({
  id: 'WantedPreferences',
  description: 'Categories left out return to their default.',
  example: { devices: 'in_app' },
}) as unknown as z.ZodType<Partial<NoticePreferences>, Partial<NoticePreferences>>
