import type { Actor, NewActivity } from '../../domain/activity.ts'
import type { AuditType, NewAuditEvent } from '../../domain/audit.ts'
import type { ActivityId, TenantId } from '../../domain/ids.ts'
import { needsPush } from '../../domain/notice.ts'
import { storedActivityType } from '../../domain/stored-activity-type.ts'
import type { Random } from '../world.ts'
import type { Queries } from './database.ts'
import { run, statement } from './statement.ts'

type Column = readonly (string | null)[]

const insertActivities = statement<{
  readonly tenantId: TenantId
  readonly ids: readonly ActivityId[]
  readonly userIds: Column
  readonly types: Column
  readonly severities: Column
  readonly actors: Column
  readonly challengeIds: Column
  readonly deviceIds: Column
  readonly enrollmentIds: Column
  readonly details: readonly string[]
  readonly notices: Column
}>(
  'insert_activities',
  `insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id, device_id,
    enrollment_id, details, notice)
  select :tenantId, x.* from unnest(:ids::text[], :userIds::text[], :types::text[],
    :severities::text[], :actors::text[], :challengeIds::text[], :deviceIds::text[],
    :enrollmentIds::text[], :details::jsonb[], :notices::text[]) as x`,
)

const insertAuditEvent = statement<{
  readonly tenantId: TenantId
  readonly id: string
  readonly type: AuditType
  readonly actor: Actor
  readonly subject: string
  readonly details: string
}>(
  'insert_audit_event',
  `insert into audit_events (tenant_id, id, type, actor, subject, details)
  values (:tenantId, :id, :type, :actor, :subject, :details)`,
)

/**
 * Records activities inside the transaction of the change that they record; a sweep notifies the
 * user of those that are pending. The trigger `activities_owe_webhooks` (prisma/migrations) writes
 * the facts for webhooks in the same transaction, where an endpoint subscribes.
 */
export async function recordActivities(
  tx: Queries,
  random: Pick<Random, 'id'>,
  tenantId: TenantId,
  activities: readonly NewActivity[],
): Promise<void> {
  if (activities.length === 0) return
  const column = (read: (one: NewActivity) => string | undefined) =>
    activities.map((one) => read(one) ?? null)
  await run(tx, insertActivities, {
    tenantId,
    ids: activities.map(() => random.id('activity')),
    userIds: column((one) => one.userId),
    types: column((one) => storedActivityType(one.type)),
    severities: column((one) => one.severity),
    actors: column((one) => one.actor),
    challengeIds: column((one) => one.challengeId),
    deviceIds: column((one) => one.deviceId),
    enrollmentIds: column((one) => one.enrollmentId),
    details: activities.map((one) => JSON.stringify(one.details ?? {})),
    notices: activities.map((one) => (needsPush(one) ? 'owed' : null)),
  })
}

/** Records an audit event inside the transaction of the change that it records. */
export async function recordAudit(
  tx: Queries,
  random: Pick<Random, 'id'>,
  tenantId: TenantId,
  event: NewAuditEvent & { readonly id?: string },
): Promise<void> {
  const { id = random.id('auditEvent'), type, actor, subject } = event
  const details = JSON.stringify(event.details ?? {})
  await run(tx, insertAuditEvent, { tenantId, id, type, actor, subject, details })
}
