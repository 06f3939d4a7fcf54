import { z } from 'zod'
import { shownId } from './ids.ts'
import { pageBody } from './paging.ts'
import { timestamp } from './time.ts'

const activityBody = z
  .object({
    id: shownId('activity', 'The activity.'),
    userId: shownId('user', 'Whom it happened to.'),
    type: z.enum([
      'user_imported',
      'enrolment_opened',
      'enrolment_claimed',
      'enrolment_cancelled',
      'enrolment_void',
      'device_added',
      'device_renamed',
      'device_unregistered',
      'device_suspended',
      'device_activated',
      'revoked_device_used',
      'challenge_created',
      'challenge_resent',
      'challenge_approved',
      'challenge_denied',
      'challenge_reported',
      'challenge_expired',
      'challenge_cancelled',
      'number_failed',
      'passcode_used',
      'passcode_failed',
      'recovery_codes_made',
      'recovery_code_used',
      'temporary_code_made',
      'temporary_code_used',
    ]),
    severity: z.enum(['info', 'warning', 'critical']),
    actor: z.string().meta({
      description: 'Who did it: `device:<id>`, `api_key:<id>`, `operator` or `service`.',
      example: 'service',
    }),
    challengeId: z.string().nullable(),
    deviceId: z.string().nullable(),
    enrolmentId: z.string().nullable(),
    details: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .meta({ description: 'Small facts to show, by type.' }),
    occurredAt: timestamp('When it happened.'),
  })
  .meta({ id: 'Activity', description: 'One thing that happened to a user.' })

export const activityPage = pageBody(activityBody, 'ActivityPage', 'Activities, newest first.')
