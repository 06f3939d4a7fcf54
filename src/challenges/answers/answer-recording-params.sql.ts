// An answer as its statements are given it.

import type { ProofToSpend } from '../../devices/device.store.ts'
import type { Actor, Severity } from '../../domain/activity.ts'
import type {
  ActivityId,
  ChallengeId,
  DeliveryId,
  DeviceId,
  ReportId,
  TenantId,
  UserId,
} from '../../domain/ids.ts'
import { needsPush } from '../../domain/notice.ts'
import { rowList } from '../../platform/postgres/row-list.ts'
import type { Random } from '../../platform/world.ts'
import { type ProtectionParams, protectionParams } from '../../protection/protections.sql.ts'
import { budgetsParam } from '../../protection/push-budgets.sql.ts'
import type { AnswerToRecord } from '../challenge-answer.store.ts'

/** An answer to record, as `record_answer` is given it. */
export type RecordParams = ProtectionParams & {
  readonly tenantId: TenantId
  readonly deviceId: DeviceId
  readonly challengeId: ChallengeId
  readonly userId: UserId
  /** Ignored where `isProofSpent`. */
  readonly proofJti: string
  readonly proofExpiresAt: Date
  readonly isProofSpent: boolean
  readonly keyRevision: number
  readonly wrongNumbersLeftBefore: number
  readonly jti: string
  readonly kid: string
  readonly userVerified: boolean
  readonly decision: AnswerToRecord['decision']
  readonly outcome: AnswerToRecord['effect']['outcome']
  readonly status: AnswerToRecord['effect']['status']
  readonly reason: AnswerToRecord['effect']['reason']
  readonly wrongNumbersLeft: number
  readonly jwsSealed: Uint8Array | null
  readonly isProtectionChanged: boolean
  readonly reportId: ReportId | null
  readonly budgets: string
  readonly activityIds: readonly ActivityId[]
  readonly activityTypes: readonly string[]
  readonly activitySeverities: readonly Severity[]
  readonly activityDetails: readonly string[]
  readonly activityNotices: readonly ('owed' | null)[]
  readonly actor: Actor | null
  readonly closingIds: readonly DeliveryId[]
  readonly closingDeviceIds: readonly DeviceId[]
  readonly leasedBy: string
  readonly isFollowed: boolean
}

type Lists =
  | 'activityIds'
  | 'activityTypes'
  | 'activitySeverities'
  | 'activityDetails'
  | 'activityNotices'
  | 'closingIds'
  | 'closingDeviceIds'
/** The columns of an answer in a batch: what it has once. */
export type RecordItem = Omit<RecordParams, Lists | 'reportId'>
/** Answers as a table. */
export const recordItems = rowList<'item', RecordItem>('item', {
  tenantId: 'text',
  deviceId: 'text',
  challengeId: 'text',
  userId: 'text',
  proofJti: 'text',
  proofExpiresAt: 'timestamptz',
  isProofSpent: 'boolean',
  keyRevision: 'int',
  wrongNumbersLeftBefore: 'smallint',
  jti: 'text',
  kid: 'text',
  userVerified: 'boolean',
  decision: 'text',
  outcome: 'text',
  status: 'text',
  reason: 'text',
  wrongNumbersLeft: 'smallint',
  jwsSealed: 'bytea',
  isProtectionChanged: 'boolean',
  wrongNumbersInRow: 'int',
  wrongNumbersSinceSuccess: 'int',
  lockedUntil: 'timestamptz',
  hardLockedAt: 'timestamptz',
  reportedUntil: 'timestamptz',
  pausedUntil: 'timestamptz',
  suspendedAt: 'timestamptz',
  protectionRevision: 'int',
  budgets: 'jsonb',
  actor: 'text',
  leasedBy: 'text',
  isFollowed: 'boolean',
})
/** An answer and all that it brings about, as columns. */
export function recordParams(
  answer: AnswerToRecord,
  proof: ProofToSpend | null,
  random: Pick<Random, 'id'>,
): RecordParams {
  const { effect, activities, protection } = answer
  return {
    ...protectionParams(protection),
    tenantId: answer.tenantId,
    deviceId: answer.deviceId,
    challengeId: answer.challengeId,
    userId: answer.userId,
    proofJti: proof?.jti ?? '',
    proofExpiresAt: proof?.expiresAt ?? new Date(0),
    isProofSpent: proof === null,
    keyRevision: answer.keyRevision,
    wrongNumbersLeftBefore: answer.was.wrongNumbersLeft,
    jti: answer.jti,
    kid: answer.kid,
    userVerified: answer.userVerified,
    decision: answer.decision,
    outcome: effect.outcome,
    status: effect.status,
    reason: effect.reason,
    wrongNumbersLeft: effect.wrongNumbersLeft,
    jwsSealed: answer.jwsSealed,
    isProtectionChanged: answer.was.protection !== protection,
    reportId: answer.reportId,
    budgets: budgetsParam(answer.budgets),
    activityIds: activities.map(() => random.id('activity')),
    activityTypes: activities.map(({ type }) => type),
    activitySeverities: activities.map(({ severity }) => severity),
    activityDetails: activities.map(({ details }) => JSON.stringify(details ?? {})),
    activityNotices: activities.map((one) => (needsPush(one) ? 'owed' : null)),
    actor: activities[0]?.actor ?? null,
    closingIds: answer.closingDeviceIds.map(() => random.id('delivery')),
    closingDeviceIds: answer.closingDeviceIds,
    leasedBy: answer.leasedBy,
    isFollowed: answer.isFollowed,
  }
}
