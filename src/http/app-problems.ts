// What can be wrong with an app, as the table of all problems (problem-table.ts) takes it in.

import type { RefusalCode } from '../domain/refusal.ts'
import type { ProblemKind } from './problem-kind.ts'

export const appProblems = {
  app_taken: {
    status: 409,
    title: 'The tenant has credentials for this app and provider already.',
    detail: 'Change those, or remove them first: GET /v1/apps.',
  },
  app_too_old: {
    status: 403,
    title: 'The app is too old.',
    detail: 'Update the app to at least `minimumVersion`, then say so with PATCH /device/v1/self.',
  },
  platform_retired: {
    status: 403,
    title: 'The tenant does not accept this platform any more.',
    detail: 'Enrol a device of another platform.',
  },
} as const satisfies Partial<Record<RefusalCode, ProblemKind>>
