// The part of the problem table that is about challenges and their answers.

import type { RefusalCode } from '../../../domain/refusal.ts'
import type { ProblemKind } from '../problem-kind.ts'

export const challengeProblems = {
  user_not_found: {
    status: 404,
    title: 'There is no such user.',
    detail: 'Enroll or import the user first, or offer another way to sign in.',
  },
  no_capable_device: {
    status: 422,
    title: 'No device of the user can answer this.',
    detail: 'Offer one of `otherFactors`, ask for less user verification, or enroll a device.',
  },
  user_suspended: {
    status: 403,
    title: 'The user is suspended.',
    detail: 'An admin has stopped all sign-ins of this user; ask the admin to take it back.',
  },
  push_locked: {
    status: 403,
    title: 'Push sign-in is locked for this user.',
    detail:
      'Offer one of `otherFactors`. With `Retry-After` the lock expires by itself; an ' +
      'admin can unlock it at any time.',
  },
  push_sign_in_off: {
    status: 403,
    title: 'The organisation has turned push sign-in off for this user.',
    detail:
      'Offer one of `otherFactors`. `why` says what decided it: the policy `pushSignIn` or ' +
      '`pushSignInPercent`, or what is set for the user.',
  },
  initiator_blocked: {
    status: 403,
    title: 'The user reported a sign-in from here.',
    detail: 'Offer one of `otherFactors`, or try again after `Retry-After`.',
  },
  too_many_pending: {
    status: 429,
    title: 'Too many questions to this user are waiting for an answer.',
    detail: 'Offer one of `otherFactors`, or try again after `Retry-After`.',
  },
  push_suppressed: {
    status: 429,
    title: 'Another push would be one too many for this user.',
    detail: 'Ask the user to open the app: the challenge is there until it expires.',
  },
  number_none_not_allowed: {
    status: 403,
    title: 'The tenant does not allow challenges without a number.',
    detail: 'Leave `number` out, or use the modes `service` or `caller`.',
  },
  number_too_short: {
    status: 422,
    title: 'The number has fewer digits than the tenant asks for.',
    detail: 'Use at least `digitsMin` digits.',
  },
  return_url_not_allowed: {
    status: 422,
    title: 'The relying party may not lead back to this address.',
    detail:
      'Use an https address, written as a browser shows it, in one of the `returnOrigins` of the ' +
      'relying party, which an admin sets; or leave `returnUrl` out.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'The Idempotency-Key was used for another request.',
    detail: 'Use a new key for a new request, and the same body for a retry.',
  },
  challenge_ended: {
    status: 409,
    title: 'The challenge has already ended.',
    detail:
      'Read `currentStatus`; an ended challenge never changes again. Create a new one if need be.',
  },
  challenge_expired: {
    status: 410,
    title: 'The challenge has expired.',
    detail: 'Start the sign-in again.',
  },
  resend_too_soon: {
    status: 429,
    title: 'The challenge was pushed a moment ago.',
    detail: 'Wait for the seconds in `Retry-After`.',
  },
  resends_used_up: {
    status: 429,
    title: 'The challenge cannot be pushed again.',
    detail: 'Ask the user to open the app: the challenge is there until it expires.',
  },
  nothing_to_push: {
    status: 409,
    title: 'No device of the challenge can be pushed.',
    detail: 'Ask the user to open the app: the challenge is there until it expires.',
  },
  answer_malformed: {
    status: 400,
    title: 'The answer is not well-formed.',
    detail: 'Send a compact JWS, ES256, with exactly the header and claims of the device protocol.',
  },
  answer_invalid: {
    status: 422,
    title: 'The answer does not fit what was asked.',
    detail: 'Fetch the challenge again and sign an answer to exactly that request; see `claim`.',
  },
  answer_key_not_allowed: {
    status: 403,
    title: 'This approval requires the verification key.',
    detail: 'Sign the approval with the verification key, after the person has been verified.',
  },
  wrong_number: {
    status: 422,
    title: 'The number is wrong.',
    detail: 'Ask for the number on the screen again while `wrongNumbersLeft` is above zero.',
  },
  number_missing: {
    status: 422,
    title: 'The approval holds no number.',
    detail: 'Ask for the number on the sign-in screen and send it as `num`.',
  },
  report_resolved: {
    status: 409,
    title: 'The report is resolved already.',
    detail: 'Nothing is left to do; GET /v1/reports?status=open lists what is.',
  },
} as const satisfies Partial<Record<RefusalCode, ProblemKind>>
