// How long rows are kept once they are no longer needed. Devices, audit events and their chain are
// kept permanently.

import type { Policy } from './policy.ts'

/** What a tenant keeps for a configurable time. */
export type RetainedKind = 'challenges' | 'activities' | 'enrollments' | 'reports' | 'diagnostics'

/** Rows that no tenant's policy covers and that are no longer needed. */
export const leftoverKinds = [
  'portalSessions',
  'testPushes',
  'webhooks',
  'webhookEndpoints',
  'prompts',
  'pushedRequests',
  'usedAssertions',
] as const
export type LeftoverKind = (typeof leftoverKinds)[number]

/** Rows without a time to find them by: they are scanned, a page at a time. */
export const scannedKinds = ['initiators', 'passcodeBudgets', 'singleUseCodes'] as const
export type ScannedKind = (typeof scannedKinds)[number]

const dayMs = 24 * 60 * 60 * 1000

const fields = {
  challenges: 'challengeRetentionDays',
  activities: 'activityRetentionDays',
  enrollments: 'enrollmentRetentionDays',
  reports: 'reportRetentionDays',
  diagnostics: 'diagnosticsRetentionDays',
} as const satisfies Readonly<Record<RetainedKind, keyof Policy>>

export const retainedKinds = Object.keys(fields) as RetainedKind[]

/**
 * Rows that ended before this are due for purging. Whole days (UTC), so that a day's activities
 * leave one trace in the audit record.
 */
export function retainedSince(kind: RetainedKind, policy: Policy, now: Date): Date {
  const today = Math.floor(now.getTime() / dayMs)
  return new Date((today - policy[fields[kind]]) * dayMs)
}

/**
 * Days after which leftovers are purged, the same for every tenant: nothing reads them any more.
 */
export const leftoverDays = {
  /** After the end of the link or of the session that it opened. */
  portalSessions: 30,
  /** After a test push was settled. */
  testPushes: 7,
  /** After an event was delivered to an endpoint or given up, with its attempts. */
  webhooks: 14,
  /** After a recovery code was used, or a temporary code used or expired. */
  singleUseCodes: 30,
  /** After the end of a prompt; and after a client's request or assertion stopped to count. */
  prompts: 1,
  /** After the last push of an initiator. */
  initiators: 1,
} as const

/** Diagnostics that one device may send within an hour. */
export const diagnosticsPerHourMax = 5
