import type { z } from 'zod'
import { initiatorOf } from '../challenges/initiator.schemas.ts'
import { numberIn } from '../domain/integration.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing, type Operation } from '../platform/http/operation.ts'
import { idempotencyHeaders } from '../platform/http/schemas/idempotency.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { isDisconnectedOf } from '../platform/http/waiting.ts'
import type { DoorQuestion } from './ask.ts'
import { atDoorOf, type DoorGuard } from './door.guard.ts'
import { deniedBody, waitQuestion } from './door.schemas.ts'
import type * as useCases from './use-cases.ts'
import { sendEnd } from './wait-answers.http.ts'

type UseCases = Bound<typeof useCases>

export type DoorOptions = { readonly useCases: UseCases; readonly door: DoorGuard }

const operation = {
  operationId: 'askAndWait',
  tag: 'integrations',
  summary: 'Ask a user and wait until the question has ended',
  description:
    'For clients that understand a status only. Answers once the user has decided or the ' +
    'time is over; a client that disconnects cancels the question, unless it sent an ' +
    'Idempotency-Key.',
  params: idParams('id', 'integration', 'The integration, of the kind `wait`.'),
  headers: idempotencyHeaders(
    'Names the attempt, for a client that may repeat itself: the same key with the same body ' +
      'joins the question while it is pending. One that has ended signs nobody in a second time.',
  ),
  body: waitQuestion,
  answers: {
    204: nothing('The user has approved.'),
    401: {
      description:
        'The user has denied, or typed wrong numbers; or too many sign-ins are waiting ' +
        'already.',
      schema: deniedBody,
    },
  },
  refusals: ['user_not_found', 'sign_in_refused', 'sign_in_expired'],
} as const satisfies Operation

/** The door for clients that wait: RADIUS servers, PAM, shells. */
export function waitRoutes(app: HttpApp, { useCases, door }: DoorOptions, done: () => void): void {
  app.post('/integrations/wait/:id', door(operation), async (request, reply) => {
    const { client: entry, call } = atDoorOf(request)
    const key = request.headers['idempotency-key']
    const question = {
      ...questionOf(request.body),
      ...(key !== undefined && { idempotencyKey: `${entry.integration.id}:${key}` }),
    }
    const end = await useCases.askAndWait(entry, question, {
      isAborted: isDisconnectedOf(reply),
      stillAllowed: () => useCases.mayStayAtDoor(call),
    })
    return sendEnd(reply, end)
  })
  done()
}

function questionOf(body: z.output<typeof waitQuestion>): DoorQuestion {
  const { username: userName, message, ip = '', action, host = '' } = body
  const initiator = ip === '' ? undefined : initiatorOf({ ip })
  const number = body.number ?? (message === undefined ? undefined : numberIn(message))
  const fields = [
    ...(host === '' ? [] : [{ label: 'Host', value: host }]),
    ...(message === undefined ? [] : [{ label: 'Message', value: message }]),
  ]
  return {
    userName,
    number: number ?? null,
    context: { action, ...(ip !== '' && { ip }), ...(fields.length > 0 && { fields }) },
    ...(initiator && { initiator }),
  }
}
