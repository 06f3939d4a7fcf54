// The part of the problem table that is about the portal.

import type { RefusalCode } from '../../../domain/refusal.ts'
import type { ProblemKind } from '../problem-kind.ts'

export const portalProblems = {
  portal_link_invalid: {
    status: 404,
    title: 'The link is not valid any more.',
    detail: 'Ask for a new link: each works once, for fifteen minutes.',
  },
  portal_session_invalid: {
    status: 401,
    title: 'There is no portal session, or it is over.',
    detail: 'Ask for a new link and open it.',
  },
  portal_step_up_needed: {
    status: 403,
    title: 'This needs a link that was just opened, or a code.',
    detail:
      'Send a passcode, a recovery code or a temporary code to `POST /portal/v1/verification`, ' +
      'or open a new link, and repeat this within five minutes.',
  },
  portal_link_needed: {
    status: 403,
    title: 'This needs a session that a link opened.',
    detail:
      'A session that a device opened may look, and suspend or end devices. Ask the relying ' +
      'party for a link.',
  },
  portal_not_approved: {
    status: 403,
    title: 'The sign-in is not approved.',
    detail: 'Approve it on a device while this browser waits, or begin again; each works once.',
  },
  origin_not_allowed: {
    status: 403,
    title: 'The request does not come from a page of the portal.',
    detail: 'Call from a page of the same origin; browsers then send `Sec-Fetch-Site` or `Origin`.',
  },
} as const satisfies Partial<Record<RefusalCode, ProblemKind>>
