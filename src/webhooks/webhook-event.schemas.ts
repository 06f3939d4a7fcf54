// The events that endpoints receive: one schema for each type. docs/webhooks.md and the webhooks of
// openapi.yaml come from here.

import { z } from 'zod'
import { activityTypes } from '../domain/activity.ts'
import type { ChallengeStatus, EndReason } from '../domain/challenge.ts'
import { enrollmentViews } from '../domain/enrollment.ts'
import type { WebhookEventType } from '../domain/webhook-event.ts'
import {
  challengeStatus,
  deliveryMode,
  endReason,
  severity,
} from '../platform/http/schemas/enumerations.ts'
import { idExample, shownId } from '../platform/http/schemas/ids.ts'
import { shownJws, shownText } from '../platform/http/schemas/text.ts'
import { timeExample } from '../platform/http/schemas/time.ts'

const text = (description: string) => z.iso.datetime().meta({ description, example: timeExample })

const version = z.literal(1).meta({
  description: 'Goes up when a member changes its meaning or is removed; members may be added.',
})
const userId = shownId('user', 'The user it is about.')
const deviceId = shownId('device', 'The device.')

const challenge = {
  version,
  challengeId: shownId('challenge', 'The challenge.'),
  userId,
  status: challengeStatus,
  reason: endReason
    .nullable()
    .meta({ description: 'Why it was denied or superseded.', example: null }),
  deliveryMode,
  binding: z.string().nullable().meta({ description: 'As the relying party gave it.' }),
  idempotencyKey: z.string().nullable().meta({ description: 'As the relying party gave it.' }),
  createdAt: text('When it was created.'),
  expiresAt: text('No answer counts from this time on.'),
  decidedAt: text('When it ended by an answer.').nullable().meta({ example: null }),
  decidedDeviceId: shownId('device', 'Whose answer decided.').nullable().meta({ example: null }),
}
const result = shownJws(
  '`approval-result+jwt` as reading the challenge gives it, signed anew for each attempt; null ' +
    'once the challenge is purged.',
).nullable()
/** A challenge that ended, with the example of one that ended so. */
const endedChallenge = (status: ChallengeStatus, reason: EndReason | null) =>
  z.object({
    ...challenge,
    status: challengeStatus.meta({ example: status }),
    reason: challenge.reason.meta({ example: reason }),
    ...((status === 'approved' || reason !== null) && {
      decidedAt: challenge.decidedAt.meta({ example: timeExample }),
      decidedDeviceId: challenge.decidedDeviceId.meta({ example: idExample('device') }),
    }),
    result,
  })
const progress = { ...challenge, deviceId }
const enrollment = {
  version,
  enrollmentId: shownId('enrollment', 'The enrollment.'),
  userId,
  deviceId,
  status: z.enum(enrollmentViews).extract(['claimed', 'completed']),
}
const device = { version, deviceId, userId }
const user = {
  version,
  userId,
  deviceId: deviceId.nullable(),
  challengeId: shownId('challenge', 'The challenge that led to it.').nullable(),
  activityId: shownId('activity', 'The activity that records it.'),
}

/** The data of each event, and its meaning in one line. */
export const webhookEventData = {
  'challenge.created': [z.object(challenge), 'A challenge was created.'],
  'challenge.delivered': [z.object(progress), 'The push service accepted the push to a device.'],
  'challenge.delivery_failed': [
    z.object({ ...progress, pushReason: shownText('Unregistered').nullable() }),
    'The push to a device was given up; the device can still find the challenge by polling.',
  ],
  'challenge.fetched': [z.object(progress), 'A device has fetched the challenge.'],
  'challenge.approved': [endedChallenge('approved', null), 'The user approved.'],
  'challenge.denied': [
    endedChallenge('denied', 'user_denied'),
    'The user denied, typed a wrong number too often, or has no device left.',
  ],
  'challenge.reported': [
    endedChallenge('denied', 'user_reported'),
    'The user denied and said: this wasn’t me.',
  ],
  'challenge.expired': [endedChallenge('expired', null), 'Nobody answered in time.'],
  'challenge.cancelled': [
    endedChallenge('cancelled', null),
    'The relying party or the service cancelled it, or a new question of the browser took its ' +
      'place (`superseded`).',
  ],
  'enrollment.claimed': [
    z.object(enrollment),
    'A device has claimed the enrollment; it is not confirmed yet.',
  ],
  'enrollment.confirmed': [z.object(enrollment), 'The enrollment is completed.'],
  'device.registered': [z.object(device), 'A user has a new device.'],
  'device.unregistered': [
    z.object({ ...device, reason: z.string().nullable() }),
    'A device is gone permanently; no answer of it counts.',
  ],
  'device.suspended': [z.object(device), 'A device is suspended until it is made active again.'],
  'device.push_token_lost': [
    z.object(device),
    'The push service declared the token of a device dead: it finds challenges by polling only.',
  ],
  'user.fraud_reported': [
    z.object(user),
    'The user reported a challenge or an activity as not theirs.',
  ],
  'user.push_locked': [z.object(user), 'Approvals of the user are locked; offer another factor.'],
  'user.unlocked': [z.object(user), 'That lock was lifted by an admin.'],
  'activity.recorded': [
    z.object({
      version,
      activityId: shownId('activity', 'The activity.'),
      userId,
      challengeId: shownId('challenge', 'The challenge.').nullable(),
      deviceId: deviceId.nullable(),
      enrollmentId: shownId('enrollment', 'The enrollment.').nullable(),
      activityType: z.enum(activityTypes),
      severity,
    }),
    'Something was added to the activities of a user; read what there.',
  ],
  'webhook.test': [
    z.object({ version, endpointId: shownId('webhookEndpoint', 'The endpoint.') }),
    'A test that events arrive; sent regardless of the filter.',
  ],
} as const satisfies Readonly<Record<WebhookEventType, readonly [z.ZodObject, string]>>

/** The name of an event in code: `challenge.push_sent` is `ChallengePushSent`. */
const pascal = (type: string) =>
  type.replaceAll(/(?:^|[._])([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** Every type of event, in the order in which the documents show them. */
export const webhookEventTypes = Object.keys(webhookEventData) as WebhookEventType[]

/** The name of the schema of an event. */
const webhookEventName = (type: WebhookEventType) => `${pascal(type)}Event`

function bodyOf(type: WebhookEventType) {
  const [data, about] = webhookEventData[type]
  return z
    .object({ type: z.literal(type), timestamp: text('When it happened.'), data })
    .meta({ id: webhookEventName(type), description: about })
}

/** The whole body of each event. */
export const webhookEventBodies = new Map(webhookEventTypes.map((type) => [type, bodyOf(type)]))

/** The events as the description of the API lists them. */
export const webhookDescriptions = webhookEventTypes.map((type) => ({
  type,
  schemaName: webhookEventName(type),
  description: webhookEventData[type][1],
}))
