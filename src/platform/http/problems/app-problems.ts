// Problems of apps and their pushes: a part of the table of all problems (problem-table.ts).

import type { RefusalCode } from '../../../domain/refusal.ts'
import type { ProblemKind } from '../problem-kind.ts'

export const appProblems = {
  app_taken: {
    status: 409,
    title: 'The tenant has credentials for this app and provider already.',
    detail: 'Change those, or remove them first: GET /v1/apps.',
  },
  no_push_token: {
    status: 409,
    title: 'The device has no push token.',
    detail: 'Let the person allow notifications and open the app once; it sends its token then.',
  },
  test_push_too_soon: {
    status: 429,
    title: 'The device was sent a test push a moment ago, or as many as an hour allows.',
    detail: 'Wait for the seconds in `Retry-After`.',
  },
  pushes_paused: {
    status: 403,
    title: 'The user wants no pushes at the moment.',
    detail: 'Wait for the seconds in `Retry-After`, or have the user resume pushes in the app.',
  },
  app_too_old: {
    status: 403,
    title: 'The app is too old.',
    detail:
      'Update the app to at least `minimumVersion`, then report it with PATCH ' +
      '/device/v1/self.',
  },
  protocol_too_old: {
    status: 403,
    title:
      'The app speaks a version of the device protocol that the tenant does not accept any more.',
    detail:
      'Update the app to one that speaks at least `minimumProtocolVersion`, then report it with ' +
      'PATCH /device/v1/self.',
  },
  protocol_version_lowered: {
    status: 409,
    title: 'The protocol version of a device only rises.',
    detail: 'Speak `protocolVersion`, or enroll the device anew.',
  },
  platform_retired: {
    status: 403,
    title: 'The tenant does not accept this platform any more.',
    detail: 'Enroll a device of another platform.',
  },
  too_many_diagnostics: {
    status: 429,
    title: 'The device has sent diagnostics too often.',
    detail: 'Send them again after the time in `Retry-After`.',
  },
  export_busy: {
    status: 429,
    title: 'Another export is under way.',
    detail: 'Read that one to its end, or wait for the seconds in `Retry-After`.',
  },
} as const satisfies Partial<Record<RefusalCode, ProblemKind>>
