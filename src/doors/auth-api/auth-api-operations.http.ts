// The routes of the Auth API as the description of the API shows them. It validates nothing: a
// request that does not match must still be answered in the wire format.

import { z } from 'zod'
import type { Tag } from '../../platform/http/operation.ts'
import { idExample } from '../../platform/http/schemas/ids.ts'
import { shownText } from '../../platform/http/schemas/text.ts'
import {
  authParams,
  authStatusParams,
  enrollParams,
  enrollStatusParams,
  preauthParams,
} from './auth-api.schemas.ts'

const failure = z
  .object({
    stat: z.literal('FAIL'),
    code: z.int().meta({ example: 40103 }),
    message: shownText('Invalid signature in request credentials'),
    message_detail: shownText('signature_invalid', 'A stable code.'),
  })
  .meta({ id: 'AuthApiFailure', description: 'A failure in the Auth API wire format.' })

const decision = z
  .looseObject({
    result: z.enum(['allow', 'deny', 'waiting', 'auth']),
    status: shownText('allow').exactOptional(),
    status_msg: shownText('Success. Logging you in...', 'Message for the person.'),
  })
  .meta({
    id: 'AuthApiDecision',
    description:
      'Nothing but `allow` lets anybody in; further members of the wire format may follow.',
  })

const ok = <Response extends z.ZodType>(id: string, response: Response, description: string) =>
  z.object({ stat: z.literal('OK'), response }).meta({ id, description })
const time = ok(
  'AuthApiTime',
  z.object({ time: z.int().min(0).meta({ example: 1_769_860_800 }) }),
  'The time of the service, in seconds since the epoch.',
)
const decidedBody = ok('AuthApiDecided', decision, 'A decision about a sign-in.')
const enrolledBody = ok(
  'AuthApiEnrolled',
  z.looseObject({ user_id: shownText(idExample('user')) }),
  'A new user, and what the phone is to scan.',
)
const enrollStatus = ok(
  'AuthApiEnrollProgress',
  z.enum(['success', 'invalid', 'waiting']),
  'The status of an enrollment.',
)
const askedBody = ok(
  'AuthApiAsked',
  z.looseObject({ txid: shownText('01jv9z3k8we2tvn4qh6yrx7b5c').exactOptional() }),
  'The decision, or the `txid` to poll for it.',
)

const okResponse = (schema: z.ZodType, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})

const failureResponses = (...statuses: number[]) =>
  Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: 'A failure in the wire format.',
        content: { 'application/json': { schema: failure } },
      },
    ]),
  )

const decisionResponse = (description: string) => ({ 200: okResponse(decidedBody, description) })
const alwaysDenies =
  'Answers 200 and `deny` on every error, an outage included: the clients let people in ' +
  'on 401 and 5xx.'

const operations = {
  ping: {
    operationId: 'authApiPing',
    summary: 'The time of the service, for everybody',
    response: { 200: okResponse(time, 'The time of the service.') },
  },
  check: {
    operationId: 'authApiCheck',
    summary: 'Check integration key, secret key and clock',
    response: { 200: okResponse(time, 'They are valid.'), ...failureResponses(400, 401, 403, 503) },
  },
  logo: {
    operationId: 'authApiLogo',
    summary: 'A picture to show',
    response: {
      200: {
        description: 'The picture.',
        content: { 'image/png': { schema: z.string().meta({ format: 'binary' }) } },
      },
      ...failureResponses(400, 403, 503),
    },
  },
  enroll: {
    operationId: 'authApiEnroll',
    summary: 'Enroll a new user',
    description: 'Only where the integration allows it, and never an existing user.',
    body: enrollParams,
    response: {
      200: okResponse(enrolledBody, 'What the phone is to scan.'),
      ...failureResponses(400, 403, 503),
    },
  },
  enroll_status: {
    operationId: 'authApiEnrollStatus',
    summary: 'Read the status of an enrollment',
    body: enrollStatusParams,
    response: {
      200: okResponse(enrollStatus, 'The status.'),
      ...failureResponses(400, 403, 503),
    },
  },
  preauth: {
    operationId: 'authApiPreauth',
    summary: 'Ask how a user may sign in',
    description: `${alwaysDenies} The number is in the prompt and in \`verification_code\`.`,
    body: preauthParams,
    response: decisionResponse('What to offer, or a denial.'),
  },
  auth: {
    operationId: 'authApiAuth',
    summary: 'Ask a user, or verify a code',
    description:
      `${alwaysDenies} With \`async\`, a \`txid\` to poll \`auth_status\` with, also for a ` +
      'question that was refused immediately.',
    body: authParams,
    response: {
      200: okResponse(askedBody, 'The decision, or the `txid` to poll for it.'),
    },
  },
  auth_status: {
    operationId: 'authApiAuthStatus',
    summary: 'Wait for the end of a question',
    description:
      `${alwaysDenies} Held for a tenth of the lifetime of the question; after 14 ` +
      'unfinished answers the next is a denial.',
    querystring: authStatusParams,
    response: decisionResponse('The status.'),
  },
} as const

/** The description of one of the routes. */
export function authApiOperation(name: keyof typeof operations): object {
  const tag: Tag = 'integrations'
  const isOpen = name === 'ping'
  return {
    tags: [tag],
    security: isOpen ? [] : [{ authApi: [] }],
    consumes: ['application/x-www-form-urlencoded', 'application/json'],
    ...operations[name],
  }
}
