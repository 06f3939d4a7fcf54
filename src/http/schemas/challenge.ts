import { z } from 'zod'
import { challengeTtlBoundsSeconds } from '../../domain/policy.ts'
import { idOf, shownId } from './ids.ts'
import { askedInitiator } from './initiator.ts'
import { pageBody } from './paging.ts'
import { showable } from './text.ts'
import { timestamp } from './time.ts'
import { userReference } from './user.ts'

const askedContext = z
  .strictObject({
    application: showable(64, {
      description: 'What is signed in to.',
      example: 'Payroll',
    }).exactOptional(),
    action: showable(140, {
      description: 'What is to be approved.',
      example: 'Sign in',
    }).exactOptional(),
    ip: z
      .union([z.ipv4(), z.ipv6()])
      .meta({ description: 'Where the request came from.', example: '203.0.113.7' })
      .exactOptional(),
    location: showable(140, {
      description: 'A place to show.',
      example: 'Zurich, Switzerland',
    }).exactOptional(),
    userAgent: showable(256, {
      description: 'The browser.',
      example: 'Firefox on Windows',
    }).exactOptional(),
    fields: z
      .array(
        z.strictObject({
          label: showable(64, { description: 'A label.', example: 'Amount' }),
          value: showable(256, { description: 'A value.', example: 'CHF 120.00' }),
        }),
      )
      .max(20)
      .exactOptional(),
  })
  .meta({
    id: 'AskedContext',
    description: 'What the person is shown. The signed answer covers every letter of it.',
    example: { application: 'Payroll', action: 'Sign in', location: 'Zurich, Switzerland' },
  })

const digitsBounds = { min: 2, max: 8 } as const

const askedNumber = z
  .discriminatedUnion('mode', [
    z.strictObject({
      mode: z.literal('service'),
      digits: z
        .int()
        .min(digitsBounds.min)
        .max(digitsBounds.max)
        .exactOptional()
        .meta({ description: 'Never fewer than the tenant asks for.' }),
    }),
    z.strictObject({
      mode: z.literal('caller'),
      value: z.string().regex(new RegExp(`^[0-9]{${digitsBounds.min},${digitsBounds.max}}$`)),
    }),
    z.strictObject({ mode: z.literal('none') }),
  ])
  .meta({
    id: 'AskedNumber',
    description:
      'How the number comes about: made by the service (`service`, the default), shown by the caller already (`caller`), or not at all (`none`, only where the policy allows it).',
    example: { mode: 'service' },
  })

const { min, max } = challengeTtlBoundsSeconds

/** What ties a result to the session of the relying party that asked. */
export const binding = z
  .string()
  .regex(/^[A-Za-z0-9_-]{16,128}$/)
  .exactOptional()
  .meta({
    description: 'A hash of the session of the relying party, in base64url; echoed in the result.',
    example: 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg',
  })

export const newChallenge = z
  .strictObject({
    user: userReference,
    context: askedContext.default({}),
    number: askedNumber.default({ mode: 'service' }),
    userVerification: z
      .enum(['required', 'preferred', 'not_required'])
      .default('preferred')
      .meta({ description: '`preferred`: a device that has a verification key must use it.' }),
    ttlSeconds: z.int().min(min).max(max).exactOptional(),
    initiator: askedInitiator.exactOptional(),
    binding,
    deviceIds: z
      .array(idOf('device', 'A device of the user.'))
      .min(1)
      .max(20)
      .exactOptional()
      .meta({ description: 'Ask only these devices.' }),
  })
  .meta({
    id: 'NewChallenge',
    description: 'One question to one user.',
    example: { user: 'ada@example.com', context: { application: 'Payroll', action: 'Sign in' } },
  })

export const challengeStatuses = ['pending', 'approved', 'denied', 'expired', 'cancelled'] as const

const listedMembers = {
  id: shownId('challenge', 'The challenge.'),
  userId: shownId('user', 'Who is asked.'),
  status: z.enum(challengeStatuses).meta({ description: 'Every status but `pending` is final.' }),
  reason: z
    .enum(['user_denied', 'user_reported', 'number_mismatch', 'no_device_left'])
    .nullable()
    .meta({ description: 'Why it was denied.' }),
  context: z.object({
    application: z.string().exactOptional(),
    action: z.string().exactOptional(),
    ip: z.string().exactOptional(),
    location: z.string().exactOptional(),
    userAgent: z.string().exactOptional(),
    fields: z
      .array(z.object({ label: z.string(), value: z.string() }))
      .readonly()
      .exactOptional(),
  }),
  numberMode: z.enum(['service', 'caller', 'none']),
  numberDigits: z.uint32().nullable().meta({ description: 'How many digits are to be typed.' }),
  userVerification: z.enum(['required', 'preferred', 'not_required']),
  binding: z.string().nullable(),
  deliveryMode: z.enum(['push', 'pull_only']).meta({
    description: '`pull_only`: no phone is woken, so offer the user to open the app.',
  }),
  suppressed: z
    .enum([
      'paused',
      'reported',
      'recently_unanswered',
      'recently_denied',
      'push_budget_used_up',
      'unanswered_pushes',
      'no_push_token',
    ])
    .nullable()
    .meta({ description: 'Why no phone is woken; null when one is. See docs/limits.md.' }),
  wrongNumbersLeft: z.uint32(),
  resendsLeft: z.uint32(),
  createdAt: timestamp('When it was created.'),
  expiresAt: timestamp('No answer counts from this time on.'),
  decidedAt: timestamp('When it ended by an answer.').nullable(),
  decidedDeviceId: shownId('device', 'Whose answer decided.').nullable(),
}

const result = z
  .string()
  .nullable()
  .meta({ description: 'Once ended: `approval-result+jwt`, signed anew at each reading.' })

const deviceProgress = z
  .object({
    deviceId: z.string(),
    fetchedAt: timestamp('When the device first fetched the challenge.').nullable(),
    receivedAt: timestamp('When the device confirmed the push.').nullable(),
    push: z
      .object({
        status: z.enum(['queued', 'sent', 'failed', 'suppressed']),
        reason: z.string().nullable(),
        attempts: z.uint32(),
        settledAt: timestamp('When the push was settled.').nullable(),
      })
      .nullable(),
  })
  .meta({ id: 'DeviceProgress', description: 'How far the challenge got with one device.' })

export const challengeBody = z
  .object({ ...listedMembers, result, devices: z.array(deviceProgress).readonly() })
  .meta({
    id: 'Challenge',
    description: 'One question to one user, as its relying party reads it.',
  })

export const createdChallengeBody = z
  .object({
    ...listedMembers,
    result,
    number: z.string().nullable().meta({
      description:
        'Show it on the sign-in page; it is told here and in an identical replay, nowhere else. Null when there is nothing to show.',
      example: '483920',
    }),
    otherFactors: z
      .array(z.enum(['passcode', 'recovery_code', 'temporary_code']))
      .readonly()
      .meta({ description: 'What the user could sign in with instead.' }),
  })
  .meta({ id: 'CreatedChallenge', description: 'A challenge with the number to show.' })

const listedChallenge = z
  .object(listedMembers)
  .meta({ id: 'ListedChallenge', description: 'A challenge without devices and result.' })

export const challengePage = pageBody(listedChallenge, 'ChallengePage', 'Challenges, newest first.')

export const evidenceBody = z
  .object({
    request: z.string().meta({ description: '`approval-request+jwt` that the device was shown.' }),
    answer: z.string().meta({ description: '`approval-response+jwt` that decided.' }),
    deviceId: shownId('device', 'The device that answered.'),
    deviceKey: z
      .object({
        kty: z.string(),
        crv: z.string(),
        x: z.string(),
        y: z.string(),
        kid: z.string(),
      })
      .meta({ description: 'The public key that signed the answer.' }),
  })
  .meta({ id: 'Evidence', description: 'What anyone needs to verify the decision without us.' })
