import { z } from 'zod'
import {
  endpointStatuses,
  endpointStatusReasons,
  secretOverlapSeconds,
  webhookDeliveryStatuses,
} from '../domain/webhook-endpoint.ts'
import { subscribedEventTypes } from '../domain/webhook-event.ts'
import { idOf, shownId } from '../platform/http/schemas/ids.ts'
import { pageBody, wholeList } from '../platform/http/schemas/paging.ts'
import { showable, shownText } from '../platform/http/schemas/text.ts'
import { givenTime, timeExample, timestamp } from '../platform/http/schemas/time.ts'

const urlExample = 'https://idp.example.com/countersign/events'
const url = z.string().min(1).max(2048).meta({
  description:
    'An https address of a public host, without credentials or fragment; port 443 or from 1024 on.',
  example: urlExample,
})
const description = showable(256, { description: 'What admins call it.', example: 'Payroll' })
const events = z
  .union([
    z.tuple([z.literal('*')]),
    z
      .array(z.enum(subscribedEventTypes))
      .min(1)
      .max(subscribedEventTypes.length)
      .refine((types) => new Set(types).size === types.length, 'must name each type once'),
  ])
  .meta({
    description: 'Types of events, or `*` alone for all, those that come later included.',
    example: ['challenge.approved', 'challenge.denied'],
  })

export const newWebhookEndpoint = z
  .strictObject({ url, description: description.exactOptional(), events })
  .meta({ id: 'NewWebhookEndpoint', description: 'Where to send which events.' })

export const webhookEndpointChanges = z
  .strictObject({
    url: url.exactOptional(),
    description: description.exactOptional(),
    events: events.exactOptional(),
    status: z.enum(endpointStatuses).exclude(['disabled']).exactOptional().meta({
      description: '`paused` keeps pending events; `active` sends them, unless they are stale.',
    }),
  })
  .refine((changes) => Object.keys(changes).length > 0, 'must change something')
  .meta({ id: 'WebhookEndpointChanges', description: 'What is new about the endpoint.' })

const members = {
  id: shownId('webhookEndpoint', 'The endpoint.'),
  url: shownText(urlExample),
  description: shownText('Payroll'),
  events: z.array(z.enum([...subscribedEventTypes, '*'])).readonly(),
  status: z.enum(endpointStatuses).meta({
    description: '`disabled` is sent nothing more: it answered 410.',
  }),
  statusReason: z.enum(endpointStatusReasons).nullable().meta({
    description: '`failing`: paused after failing for days.',
    example: null,
  }),
  previousSecretUntil: timestamp('Until when the previous secret signs, too.')
    .nullable()
    .meta({ example: null }),
  failingSince: timestamp('First failure since the last success.')
    .nullable()
    .meta({ example: null }),
  lastFailedAt: timestamp('Last failure since the last success.')
    .nullable()
    .meta({ example: null }),
  createdAt: timestamp('When it was added.'),
  updatedAt: timestamp('When it was last changed.'),
}

export const webhookEndpointBody = z
  .object(members)
  .meta({ id: 'WebhookEndpoint', description: 'Where a relying party receives events.' })

export const webhookEndpointWithSecret = z
  .object({
    ...members,
    secret: z.string().meta({
      description: 'What signs the webhooks (Standard Webhooks); shown here and never again.',
      example: 'whsec_...',
    }),
  })
  .meta({ id: 'WebhookEndpointWithSecret', description: 'An endpoint and its new secret.' })

export const webhookEndpointList = wholeList(
  webhookEndpointBody,
  'WebhookEndpoints',
  'The endpoints of the relying party, newest first.',
)

export const webhookRotation = z
  .strictObject({
    overlapSeconds: z
      .int()
      .min(0)
      .max(secretOverlapSeconds.max)
      .exactOptional()
      .meta({
        description:
          `How long the old secret signs, too; ${secretOverlapSeconds.default} by default, ` +
          '0 when it leaked.',
      }),
  })
  .meta({ id: 'WebhookRotation', description: 'How to rotate the secret.' })

export const webhookTest = z
  .object({ eventId: shownId('webhookEvent', 'The `webhook-id` that will arrive.') })
  .meta({ id: 'WebhookTest', description: 'A test that is on its way.' })

export const webhookReplay = z
  .strictObject({
    eventId: idOf('webhookEvent', 'The `webhook-id` of one event.').exactOptional(),
    failedSince: givenTime('Everything that failed and happened since.').exactOptional(),
  })
  .refine((which) => Object.keys(which).length === 1, 'must name either eventId or failedSince')
  .meta({
    id: 'WebhookReplay',
    description: 'What to send again, under the same ids: one of the two.',
    example: { failedSince: timeExample },
  })

export const webhookReplayBody = z
  .object({
    replayed: z.uint32().meta({ description: 'How many; when it is 1,000 call again.' }),
  })
  .meta({ id: 'WebhookReplayed', description: 'What is sent again.' })

const webhookAttempt = z
  .object({
    id: shownId('webhookAttempt', 'The attempt.'),
    eventId: shownId('webhookEvent', 'The `webhook-id`.'),
    type: z.enum([...subscribedEventTypes, 'webhook.test']),
    at: timestamp('When it was sent.'),
    durationMs: z.uint32(),
    statusCode: z.uint32().nullable().meta({ description: 'What the endpoint answered.' }),
    reason: z.string().nullable().meta({
      description: 'Why it does not count as delivered; null when it does.',
      example: 'timeout',
    }),
    deliveryStatus: z.enum(webhookDeliveryStatuses).meta({
      description: 'The status of the event at this endpoint now.',
    }),
  })
  .meta({ id: 'WebhookAttempt', description: 'One attempt to deliver one event.' })

export const webhookAttemptPage = pageBody(
  webhookAttempt,
  'WebhookAttemptPage',
  'Attempts, newest first.',
)
