// Answers in the Auth API wire format. Its clients let people in on 401, on 5xx and on what they do not understand, so the routes
// that decide answer 200 and `deny` to whatever is no approval (docs/decisions).

import type { FastifyReply } from 'fastify'
import type { DoorEnd, DoorOutcome } from '../domain/door.ts'
import type { Refusal, RefusalCode } from '../domain/refusal.ts'

/** `decides`: let somebody in or not. `asks`: the same, for clients that come back with a name. `checks` credentials. `tells` anything else. */
export type AuthApiRoute = 'decides' | 'asks' | 'checks' | 'tells'

type Decision = {
  readonly result: 'allow' | 'deny' | 'waiting'
  readonly status: string
  readonly status_msg: string
}

/** A success of the wire format. */
export const ok = <Response>(response: Response) => ({ stat: 'OK', response }) as const

/** What the person at the client is told; nothing that a client or a stranger chose. */
const messages: Partial<Record<NonNullable<DoorEnd['why']>, string>> = {
  integration_invalid: 'This machine is not known to the sign-in service. Tell its administrator.',
  signature_too_weak:
    'This machine signs with HMAC-SHA-1, which is not allowed. Tell its administrator.',
  clock_skew: 'The clock of this machine is wrong. Tell its administrator.',
  integration_paused: 'Sign-ins from here are paused. Tell the administrator of this machine.',
  address_not_allowed: 'Sign-ins from this network are not allowed.',
  fail_open_not_allowed:
    'This machine would let people in when nobody answers. Its administrator must set failmode=secure.',
  invalid_request: 'This machine asked something that is not understood. Tell its administrator.',
  factor_not_offered: 'This way to sign in is not offered. Use push, or type a code.',
  caller_number_missing: 'No number was shown to you, or it is too old. Try again.',
  numbers_ambiguous:
    'Another sign-in was begun here within two minutes, and its number is like yours to us. Try again.',
  number_unseen:
    'No number can be shown to you here. Sign in from a terminal, or with a code in DUO_PASSCODE.',
  number_none_not_allowed:
    'Sign-ins without a number are not allowed. Tell the administrator of this machine.',
  too_many_requests: 'Too many sign-ins at once. Try again.',
  passcode_wrong: 'Wrong code.',
  passcode_used: 'This code was used before. Wait for the next one.',
  passcode_clock_off:
    'This code is some minutes old. If your phone shows it now, its clock is behind: correct it.',
  passcode_expired: 'This code is too old.',
  passcode_locked: 'Too many wrong codes. Try again later.',
  passcodes_not_allowed: 'Codes are not accepted here.',
  user_suspended: 'Your account is suspended.',
  number_mismatch: 'Wrong number.',
}

const ends: Readonly<Record<DoorOutcome, Omit<Decision, 'result'>>> = {
  approved: { status: 'allow', status_msg: 'Success. You are signed in.' },
  denied: { status: 'deny', status_msg: 'The sign-in was denied.' },
  reported: { status: 'fraud', status_msg: 'The sign-in was denied and reported.' },
  expired: { status: 'timeout', status_msg: 'Nobody answered in time.' },
  cancelled: { status: 'deny', status_msg: 'The sign-in was cancelled.' },
  no_device: { status: 'deny', status_msg: 'You have no device that could answer.' },
  locked: { status: 'locked_out', status_msg: 'Push sign-in is locked for you.' },
  suppressed: { status: 'deny', status_msg: 'Too many sign-ins are waiting. Try again later.' },
  user_unknown: { status: 'deny', status_msg: 'You are not known to the sign-in service.' },
  not_allowed: { status: 'deny', status_msg: 'The sign-in is not allowed.' },
  unavailable: { status: 'deny', status_msg: 'The sign-in service is not available. Try again.' },
}

/** Ends of questions that were not put to the person, who may have another way. */
const unasked: ReadonlySet<DoorOutcome> = new Set(['no_device', 'locked', 'suppressed'])

/** How a question ended, in the words of the wire format. */
export function decisionOf({ outcome, why, otherFactors = [] }: DoorEnd): Decision {
  const { status, status_msg } = ends[outcome]
  const result = outcome === 'approved' ? 'allow' : 'deny'
  const words = (why === null ? undefined : messages[why]) ?? status_msg
  const hasOther = unasked.has(outcome) && why !== 'passcode_locked' && otherFactors.length > 0
  const more = hasOther ? ' Or type a code.' : ''
  return { result, status, status_msg: words + more }
}

/** A question that is not answered yet. */
export const waiting: Decision = {
  result: 'waiting',
  status: 'pushed',
  status_msg: 'Waiting for your answer on the phone.',
}

/**
 * A no of a route that asks: a client that comes back for the end finds a name, and the no again in
 * the same words. The name says it by itself, to whichever process; whoever makes one up tells
 * itself no.
 */
export function refusedQuestion(end: DoorEnd) {
  const { outcome, why, otherFactors = [] } = end
  const txid = ['denied', outcome, why ?? '', otherFactors.length > 0 ? 'codes' : ''].join('.')
  return { ...decisionOf(end), txid }
}

/** The no that stands in the name of a refused question; undefined for other names. */
export function decisionOfName(name: string): Decision | undefined {
  const [denied, outcome = '', why = '', codes = ''] = name.split('.')
  if (denied !== 'denied') return undefined
  const isKnown = Object.hasOwn(ends, outcome) && outcome !== 'approved'
  return decisionOf({
    outcome: isKnown ? (outcome as DoorOutcome) : 'not_allowed',
    why: Object.hasOwn(messages, why) ? (why as NonNullable<DoorEnd['why']>) : null,
    ...(codes === 'codes' && { otherFactors: [codes] }),
  })
}

type Failure = readonly [status: number, code: number, message: string]

const failures: Partial<Record<RefusalCode | 'unavailable', Failure>> = {
  invalid_request: [400, 40002, 'Invalid request parameters'],
  identifier_taken: [400, 40002, 'Invalid request parameters'],
  user_not_found: [400, 40002, 'Invalid request parameters'],
  unavailable: [503, 50301, 'Service unavailable'],
}
const forbidden: Failure = [403, 40301, 'Access forbidden']
/** Of the route that is there to check credentials. */
const unauthorised: Partial<Record<RefusalCode, Failure>> = {
  integration_invalid: [401, 40103, 'Invalid signature in request credentials'],
  signature_too_weak: [401, 40103, 'Invalid signature in request credentials'],
  clock_skew: [401, 40105, 'Bad request timestamp'],
}

function sendFailure(
  reply: FastifyReply,
  kind: 'tells' | 'checks',
  code: RefusalCode | 'unavailable',
) {
  const own = kind === 'checks' && code !== 'unavailable' ? unauthorised[code] : undefined
  const [status, number, message] = own ?? failures[code] ?? forbidden
  return reply.code(status).type('application/json').send({
    stat: 'FAIL',
    code: number,
    message,
    message_detail: code,
  })
}

/** Says no as the clients of the route understand it. */
export function sendNo(reply: FastifyReply, refusal: Refusal | 'unavailable'): FastifyReply {
  const kind = reply.request.routeOptions.config.authApi ?? 'tells'
  if (kind === 'tells' || kind === 'checks') {
    return sendFailure(reply, kind, refusal === 'unavailable' ? refusal : refusal.refused)
  }
  const end: DoorEnd =
    refusal === 'unavailable'
      ? { outcome: 'unavailable', why: null }
      : { outcome: 'not_allowed', why: refusal.refused }
  const response = kind === 'asks' ? refusedQuestion(end) : decisionOf(end)
  return reply.code(200).type('application/json').send(ok(response))
}
