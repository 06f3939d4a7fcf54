// Problems of integrations and their clients: a part of the table of all problems
// (problem-table.ts).

import type { RefusalCode } from '../../../domain/refusal.ts'
import type { DoorCode, ProblemKind } from '../problem-kind.ts'

export const integrationProblems = {
  integration_invalid: {
    status: 401,
    title: 'No integration lets this client in.',
    detail:
      'Check the address and the credentials of the integration, or have an admin rotate them.',
  },
  integration_paused: {
    status: 403,
    title: 'The integration is paused.',
    detail: 'Ask an admin to make it active again.',
  },
  realm_unreachable: {
    status: 503,
    title: 'The keys of the realm cannot be fetched.',
    detail:
      'Check that this service reaches the issuer by https, and that ISSUER_NETWORKS ' +
      'names its network where it is not public.',
  },
  realm_keys_refused: {
    status: 503,
    title: 'The keys of the realm are not acceptable.',
    detail:
      'See `lastError` of the integration: they are weak (RSA below 2,048 bits), not ' +
      'public, two of one `kid`, or malformed. Correct them at the realm.',
  },
  integration_without_secret: {
    status: 409,
    title: 'The clients of this integration have no secret issued by us.',
    detail: 'There is nothing to rotate; see `settings`.',
  },
  sign_in_refused: {
    status: 403,
    title: 'The user could not be asked, or may not be.',
    detail:
      'See `outcome` and `reason`. Offer another way to sign in; admins find the cause ' +
      'in `lastError` of the integration.',
  },
  sign_in_expired: {
    status: 504,
    title: 'The user did not answer in time.',
    detail: 'Start the sign-in again.',
  },
  caller_number_missing: {
    status: 422,
    title: 'The request holds no number that the person sees.',
    detail:
      'Show the person 6 to 8 fresh digits and send them along; an integration may omit ' +
      'the number only where the tenant allows it.',
  },
  numbers_ambiguous: {
    status: 409,
    title: 'The person was shown two numbers at one place.',
    detail: 'Start the sign-in again; neither number counts any more.',
  },
  number_unseen: {
    status: 422,
    title: 'The client cannot show the person a number.',
    detail: 'Sign in from a terminal, or send a code that the person knows.',
  },
  factor_not_offered: {
    status: 422,
    title: 'The way to sign in that was asked for is not offered.',
    detail: 'Ask by push, or send a code that the person typed.',
  },
  signature_too_weak: {
    status: 401,
    title: 'The signature is made with HMAC-SHA-1.',
    detail:
      'Have the client sign with HMAC-SHA-512, or set `sha1Allowed` of the integration ' +
      'where it cannot.',
  },
  fail_open_not_allowed: {
    status: 403,
    title: 'The client says that it lets people in when nobody answers.',
    detail: 'Set `failmode = secure` in the client, or `failOpenAllowed` of the integration.',
  },
  legacy_version_not_allowed: {
    status: 403,
    title: 'The client speaks version 1 of the Auth API.',
    detail:
      'Install a newer client (pam_duo and login_duo 2.2), or set `legacyV1Allowed` of the ' +
      'integration.',
  },
  redirect_uri_unknown: {
    status: 400,
    title: 'The sign-in would lead back to an address that is not registered.',
    detail:
      'Nothing was asked, and nothing is sent there. The address of the application must be one ' +
      'of `redirectUris` of the integration, letter by letter.',
  },
  enrollment_not_allowed: {
    status: 403,
    title: 'No devices are enrolled at this door.',
    detail:
      'Set `enrollmentAllowed` of the integration, which requires a policy without ' +
      'confirmation by a number.',
  },
} as const satisfies Partial<Record<RefusalCode | DoorCode, ProblemKind>>
