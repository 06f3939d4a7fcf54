// Problems of webhook endpoints: a part of the table of all problems (problem-table.ts).

import type { RefusalCode } from '../../../domain/refusal.ts'
import type { ProblemKind } from '../problem-kind.ts'

export const webhookProblems = {
  webhook_url_refused: {
    status: 422,
    title: 'Webhooks may not go to this address.',
    detail:
      'Give an https address of a public host, without credentials, as docs/webhooks.md ' +
      'has it; `why` says what is wrong.',
  },
  webhook_endpoint_not_active: {
    status: 409,
    title: 'The endpoint is paused or disabled.',
    detail: 'Make it active first: PATCH it with `status: active`.',
  },
  too_many_webhook_endpoints: {
    status: 409,
    title: 'The relying party has as many endpoints as it may.',
    detail: 'Remove one that is not used any more: GET /v1/webhook-endpoints.',
  },
  too_many_webhook_requests: {
    status: 429,
    title: 'The endpoint has had as many tests and replays as a minute allows.',
    detail: 'Wait for the seconds in `Retry-After`.',
  },
} as const satisfies Partial<Record<RefusalCode, ProblemKind>>
