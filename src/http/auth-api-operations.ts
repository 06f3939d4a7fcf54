// The routes of the Auth API as the description of the API shows them. Nothing is validated by it: what does not fit must still be
// answered in the wire format.

import { z } from 'zod'
import type { Tag } from './operation.ts'
import {
  authParams,
  authStatusParams,
  enrollParams,
  enrollStatusParams,
  preauthParams,
} from './schemas/auth-api.ts'

const failure = z
  .object({
    stat: z.literal('FAIL'),
    code: z.int().meta({ example: 40103 }),
    message: z.string(),
    message_detail: z.string().meta({ description: 'A stable code.' }),
  })
  .meta({ id: 'AuthApiFailure', description: 'A failure in the Auth API wire format.' })

const decision = z
  .looseObject({
    result: z.enum(['allow', 'deny', 'waiting', 'auth']),
    status: z.string().exactOptional(),
    status_msg: z.string().meta({ description: 'What to tell the person.' }),
  })
  .meta({
    id: 'AuthApiDecision',
    description: 'Nothing but `allow` lets anybody in; with members of the wire format besides.',
  })

const time = z.object({ time: z.int() })

const enveloped = (response: z.ZodType, description: string) => ({
  description,
  content: {
    'application/json': { schema: z.object({ stat: z.literal('OK'), response }) },
  },
})

const failing = (...statuses: number[]) =>
  Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: 'A failure in the wire format.',
        content: { 'application/json': { schema: failure } },
      },
    ]),
  )

const decides = (description: string) => ({ 200: enveloped(decision, description) })
const saysNo =
  'Answers 200 and `deny` whatever is wrong, an outage included: the clients let people in on 401 and 5xx.'

const operations = {
  ping: {
    operationId: 'authApiPing',
    summary: 'Tell the time, to anybody',
    response: { 200: enveloped(time, 'The time of the service.') },
  },
  check: {
    operationId: 'authApiCheck',
    summary: 'Check integration key, secret key and clock',
    response: { 200: enveloped(time, 'They are right.'), ...failing(400, 401, 403, 503) },
  },
  logo: {
    operationId: 'authApiLogo',
    summary: 'A picture to show',
    response: {
      200: {
        description: 'The picture.',
        content: { 'image/png': { schema: z.string().meta({ format: 'binary' }) } },
      },
      ...failing(400, 403, 503),
    },
  },
  enroll: {
    operationId: 'authApiEnroll',
    summary: 'Enroll a new user',
    description: 'Only where the integration allows it, and never a user who is known.',
    body: enrollParams,
    response: {
      200: enveloped(z.looseObject({ user_id: z.string() }), 'What the phone is to scan.'),
      ...failing(400, 403, 503),
    },
  },
  enroll_status: {
    operationId: 'authApiEnrollStatus',
    summary: 'Ask how an enrollment stands',
    body: enrollStatusParams,
    response: {
      200: enveloped(z.enum(['success', 'invalid', 'waiting']), 'How it stands.'),
      ...failing(400, 403, 503),
    },
  },
  preauth: {
    operationId: 'authApiPreauth',
    summary: 'Ask how a user may sign in',
    description: `${saysNo} The number stands in the text of the prompt and in \`verification_code\`.`,
    body: preauthParams,
    response: decides('What to offer, or a no.'),
  },
  auth: {
    operationId: 'authApiAuth',
    summary: 'Ask a user, or judge a code',
    description: `${saysNo} With \`async\`, a \`txid\` to ask \`auth_status\` for, also of what was refused at once.`,
    body: authParams,
    response: {
      200: enveloped(
        z.looseObject({ txid: z.string().exactOptional() }),
        'The decision, or where to ask for it.',
      ),
    },
  },
  auth_status: {
    operationId: 'authApiAuthStatus',
    summary: 'Wait for the end of a question',
    description: `${saysNo} Held for a tenth of the lifetime of the question; after 14 unfinished answers the next is a no.`,
    querystring: authStatusParams,
    response: decides('How it stands.'),
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
