// The part of the problem table that is about codes that users type.

import type { RefusalCode } from '../../../domain/refusal.ts'
import type { ProblemKind } from '../problem-kind.ts'

export const passcodeProblems = {
  passcodes_not_allowed: {
    status: 403,
    title: 'The tenant allows no passcodes.',
    detail: 'Offer another factor, or set `passcodesAllowed` by PATCH /v1/policy.',
  },
  passcode_wrong: {
    status: 422,
    title: 'The code is not valid.',
    detail: 'Ask for the code that the app shows now, or offer another factor.',
  },
  passcode_used: {
    status: 422,
    title: 'The code was used before.',
    detail: 'Ask for the next code: each works once.',
  },
  passcode_clock_off: {
    status: 422,
    title: 'The code was right some minutes ago.',
    detail:
      'Ask for the code that the app shows now. If it was that, the clock of the device ' +
      'is behind: have its time set automatically.',
  },
  passcode_expired: {
    status: 422,
    title: 'The temporary code has expired.',
    detail: 'Create a new one by POST /v1/users/{userId}/temporary-codes.',
  },
  passcode_locked: {
    status: 429,
    title: 'Too many wrong codes were tried.',
    detail:
      'Wait for the seconds in `Retry-After`, or offer another factor: pushes, recovery ' +
      'codes and temporary codes are not locked.',
  },
} as const satisfies Partial<Record<RefusalCode, ProblemKind>>
