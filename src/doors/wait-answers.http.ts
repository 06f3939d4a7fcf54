// Answers of the door for clients that understand a status only. Some let people in after a 5xx, a
// lost connection or a 429 (docs/decisions/0020), so a call that is shed is a plain denial.

import type { FastifyReply } from 'fastify'
import type { z } from 'zod'
import type { DoorEnd } from '../domain/door.ts'
import type { Refusal } from '../domain/refusal.ts'
import { sendProblem } from '../platform/http/problem.ts'
import type { deniedBody } from './door.schemas.ts'

function sendDenial(reply: FastifyReply, text: string): FastifyReply {
  reply.header('www-authenticate', 'Bearer').code(401).type('application/json')
  return reply.send({ 'Reply-Message': text } satisfies z.output<typeof deniedBody>)
}

/** Denies a sign-in under overload: 401 with the reason, and when to try again. */
export function sendOverload(
  reply: FastifyReply,
  { retryAfterSeconds = 1 }: Pick<Refusal, 'retryAfterSeconds'>,
): FastifyReply {
  reply.header('retry-after', String(retryAfterSeconds))
  return sendDenial(reply, 'Too many sign-ins at once. Try again.')
}

/**
 * Nothing but an approval is a 2xx. Why somebody was not let in is for the log of the client, not
 * for the person.
 */
export function sendEnd(reply: FastifyReply, end: DoorEnd) {
  const { outcome, why, retryAfterSeconds, otherFactors } = end
  const again = { ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) }
  if (why === 'too_many_requests') return sendOverload(reply, again)
  const more = {
    facts: {
      outcome,
      ...(why !== null && { reason: why }),
      ...(otherFactors && { otherFactors }),
    },
    ...again,
  }
  switch (outcome) {
    case 'approved':
      return reply.code(204).send()
    case 'denied':
    case 'reported':
    case 'cancelled':
      return sendDenial(reply, 'The sign-in was denied.')
    case 'user_unknown':
      return sendProblem(reply, 'user_not_found')
    case 'expired':
      return sendProblem(reply, 'sign_in_expired')
    case 'unavailable':
      return sendProblem(reply, 'unavailable', more)
    default:
      return sendProblem(reply, 'sign_in_refused', more)
  }
}
