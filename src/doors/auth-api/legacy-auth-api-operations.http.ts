// The routes of version 1 of the Auth API as the description of the API shows them.

import { z } from 'zod'
import type { Tag } from '../../platform/http/operation.ts'
import { shownText } from '../../platform/http/schemas/text.ts'

const txidExample = '01jv9z3k8we2tvn4qh6yrx7b5c'

const place = {
  user: shownText('ada'),
  ipaddr: shownText('203.0.113.7', 'The address of the person.').exactOptional(),
  hostname: shownText('bastion-1').exactOptional(),
}

const preauthBody = z
  .looseObject({
    ...place,
    failmode: shownText('closed', 'Everything but `closed` lets people in.').exactOptional(),
  })
  .meta({ id: 'AuthApiLegacyPreauth', description: 'Whose sign-in is coming.' })

const authBody = z
  .looseObject({
    ...place,
    factor: shownText('auto', 'Nothing but `auto` is offered.'),
    auto: shownText('push1', 'What the person chose or typed.'),
    async: shownText('1').exactOptional(),
    pushinfo: shownText('Server+IP=192.0.2.1&Command=').exactOptional(),
  })
  .meta({ id: 'AuthApiLegacyQuestion', description: 'Whom to ask, and how.' })

const answer = z
  .object({
    stat: z.literal('OK'),
    response: z.looseObject({
      result: z.enum(['allow', 'deny', 'auth']).exactOptional(),
      status: shownText('Success. You are signed in.', 'Text for the person.').exactOptional(),
      txid: shownText(txidExample).exactOptional(),
      prompt: shownText('Code or option (1): ').exactOptional(),
      factors: z.record(z.string(), z.string()).exactOptional(),
    }),
  })
  .meta({
    id: 'AuthApiLegacyAnswer',
    description: 'Nothing but `allow` lets anybody in; no `result` while a question is pending.',
  })

const alwaysDenies =
  'Only where `legacyV1Allowed` of the integration is set. Answers 200 and `deny` on every ' +
  'error, an outage included.'

const operations = {
  preauth: {
    id: 'LegacyPreauth',
    summary: 'Ask how a user may sign in (version 1)',
    description: `${alwaysDenies} The number is in the prompt.`,
    request: { body: preauthBody },
  },
  auth: {
    id: 'LegacyAuth',
    summary: 'Ask a user, or verify a code (version 1)',
    description: `${alwaysDenies} Once for each answer of \`preauth\` to this user and place.`,
    request: { body: authBody },
  },
  status: {
    id: 'LegacyStatus',
    summary: 'Wait for the end of a question (version 1)',
    description: `${alwaysDenies} After 14 unfinished answers the next is a denial.`,
    request: { querystring: z.object({ txid: shownText(txidExample) }) },
  },
} as const

/** The description of one of the routes. */
export function legacyAuthApiOperation(
  name: keyof typeof operations,
  format: 'json' | 'bson',
): object {
  const { id, summary, description, request } = operations[name]
  const tag: Tag = 'integrations'
  const isBson = format === 'bson'
  const content = isBson
    ? { 'application/bson': { schema: z.string().meta({ format: 'binary' }) } }
    : { 'application/json': { schema: answer } }
  return {
    tags: [tag],
    security: [{ authApi: [] }],
    consumes: ['application/x-www-form-urlencoded'],
    operationId: `authApi${id}${isBson ? 'Bson' : 'Json'}`,
    summary: isBson ? `${summary}, in BSON` : summary,
    description,
    ...request,
    response: { 200: { description: 'The answer, in the wire format.', content } },
  }
}
