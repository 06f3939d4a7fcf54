// How long rows are kept once they have done their duty. Devices, audit events and their chain are kept for ever.

import type { Policy } from './policy.ts'

/** What a tenant keeps for a time of its own choosing. */
export type RetainedKind = 'challenges' | 'activities' | 'enrollments' | 'reports' | 'diagnostics'

const dayMs = 24 * 60 * 60 * 1000

const fields = {
  challenges: 'challengeRetentionDays',
  activities: 'activityRetentionDays',
  enrollments: 'enrollmentRetentionDays',
  reports: 'reportRetentionDays',
  diagnostics: 'diagnosticsRetentionDays',
} as const satisfies Readonly<Record<RetainedKind, keyof Policy>>

export const retainedKinds = Object.keys(fields) as RetainedKind[]

/** What ended before this is past its time. Whole days (UTC), so that a day's activities leave one trace in the audit record. */
export function retainedSince(kind: RetainedKind, policy: Policy, now: Date): Date {
  const today = Math.floor(now.getTime() / dayMs)
  return new Date((today - policy[fields[kind]]) * dayMs)
}

/** Days after which leftovers go, the same for every tenant: nothing of them is read any more. */
export const leftoverDays = {
  /** After the end of the link or of the session that it opened. */
  portalSessions: 30,
  /** After a test push was settled. */
  testPushes: 7,
  /** After an event was delivered to an endpoint or given up, with its tries. */
  webhooks: 14,
  /** After a recovery code was used, or a temporary code used or expired. */
  singleUseCodes: 30,
  /** After the last push of an initiator. */
  initiators: 1,
} as const

/** Diagnostics that one device may send within an hour. */
export const diagnosticsPerHourMax = 5
