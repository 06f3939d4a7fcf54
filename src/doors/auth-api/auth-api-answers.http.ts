// Answers in the Auth API wire format. Its clients fail open on 401, on 5xx and on answers that
// they do not understand, so the routes that decide answer 200 and `deny` unless there is an
// approval (docs/decisions).

import type { FastifyReply } from 'fastify'
import type { DoorEnd, DoorOutcome } from '../../domain/door.ts'
import type { Refusal, RefusalCode } from '../../domain/refusal.ts'

/**
 * `decides`: let somebody in or not. `asks`: the same, for clients that poll with a name. `checks`:
 * credentials. `informs`: anything else.
 */
export type AuthApiRoute = 'decides' | 'asks' | 'checks' | 'informs'

type Decision = {
  readonly result: 'allow' | 'deny' | 'waiting'
  readonly status: string
  readonly status_msg: string
}

/** A success of the wire format. */
export const ok = <Response>(response: Response) => ({ stat: 'OK', response }) as const

/** Messages for the person at the client; no text that a client or an outsider chose. */
const messages: Partial<Record<NonNullable<DoorEnd['why']>, string>> = {
  integration_invalid: 'This machine is not known to the sign-in service. Tell its administrator.',
  signature_too_weak:
    'This machine signs with HMAC-SHA-1, which is not allowed. Tell its administrator.',
  clock_skew: 'The clock of this machine is wrong. Tell its administrator.',
  integration_paused: 'Sign-ins from here are paused. Tell the administrator of this machine.',
  address_not_allowed: 'Sign-ins from this network are not allowed.',
  fail_open_not_allowed:
    'This machine would let people in when nobody answers. Its administrator must set ' +
    'failmode=secure.',
  legacy_version_not_allowed:
    'This machine speaks version 1 of the sign-in API, which is not allowed. Tell its ' +
    'administrator.',
  invalid_request: 'This machine asked something that is not understood. Tell its administrator.',
  factor_not_offered: 'This way to sign in is not offered. Use push, or type a code.',
  caller_number_missing: 'No number was shown to you, or it is too old. Try again.',
  numbers_ambiguous:
    'Another sign-in was started here within two minutes, and we cannot distinguish its ' +
    'number from yours. Try again.',
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

/** Outcomes of questions that were never asked: the person may have another factor. */
const unaskedOutcomes: ReadonlySet<DoorOutcome> = new Set(['no_device', 'locked', 'suppressed'])

/** How a question ended, in terms of the wire format. */
export function decisionOf({ outcome, why, otherFactors = [] }: DoorEnd): Decision {
  const { status, status_msg } = ends[outcome]
  const result = outcome === 'approved' ? 'allow' : 'deny'
  const message = (why === null ? undefined : messages[why]) ?? status_msg
  const hasOther =
    unaskedOutcomes.has(outcome) && why !== 'passcode_locked' && otherFactors.length > 0
  const more = hasOther ? ' Or type a code.' : ''
  return { result, status, status_msg: message + more }
}

/** A question that is not answered yet. */
export const waiting: Decision = {
  result: 'waiting',
  status: 'pushed',
  status_msg: 'Waiting for your answer on the phone.',
}

/**
 * A denial of a route that asks: a client that polls for the end gets a name, and with it the same
 * denial again. The name itself carries the denial, so that any process can answer; a client that
 * makes one up denies only itself.
 */
export function denialOf(end: DoorEnd) {
  const { outcome, why, otherFactors = [] } = end
  const txid = ['denied', outcome, why ?? '', otherFactors.length > 0 ? 'codes' : ''].join('.')
  return { ...decisionOf(end), txid }
}

/** The denial that the name of a refused question carries; undefined for other names. */
export function decisionOfName(name: string): Decision | undefined {
  const [prefix, outcome = '', why = '', codes = ''] = name.split('.')
  if (prefix !== 'denied') return undefined
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
/** Failures of the route that checks credentials. */
const credentialFailures: Partial<Record<RefusalCode, Failure>> = {
  integration_invalid: [401, 40103, 'Invalid signature in request credentials'],
  signature_too_weak: [401, 40103, 'Invalid signature in request credentials'],
  clock_skew: [401, 40105, 'Bad request timestamp'],
}

function sendFailure(
  reply: FastifyReply,
  kind: 'informs' | 'checks',
  code: RefusalCode | 'unavailable',
) {
  const own = kind === 'checks' && code !== 'unavailable' ? credentialFailures[code] : undefined
  const [status, number, message] = own ?? failures[code] ?? forbidden
  return reply.code(status).type('application/json').send({
    stat: 'FAIL',
    code: number,
    message,
    message_detail: code,
  })
}

/** Sends a refusal in the form that the clients of the route understand. */
export function sendAuthApiRefusal(
  reply: FastifyReply,
  refusal: Refusal | 'unavailable',
): FastifyReply {
  const kind = reply.request.routeOptions.config.authApi ?? 'informs'
  if (kind === 'informs' || kind === 'checks') {
    return sendFailure(reply, kind, refusal === 'unavailable' ? refusal : refusal.refused)
  }
  const end: DoorEnd =
    refusal === 'unavailable'
      ? { outcome: 'unavailable', why: null }
      : { outcome: 'not_allowed', why: refusal.refused }
  const response = kind === 'asks' ? denialOf(end) : decisionOf(end)
  return reply.code(200).type('application/json').send(ok(response))
}
