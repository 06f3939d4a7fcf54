import type { NewActivity } from '../domain/activity.ts'
import type { NewAuditEvent } from '../domain/audit.ts'
import type { TenantId } from '../domain/ids.ts'
import type { Activity, ActivityStore } from '../ports/activity-store.ts'
import type { Random } from '../ports/world.ts'
import type { Database, Queries } from './database.ts'

const insertActivities = `
  insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id, device_id,
    enrolment_id, details)
  select $1, x.* from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::jsonb[]) as x`

/** Records activities inside the transaction of the change they tell of. */
export async function recordActivities(
  tx: Queries,
  random: Pick<Random, 'id'>,
  tenantId: TenantId,
  activities: readonly NewActivity[],
): Promise<void> {
  if (activities.length === 0) return
  const column = (read: (one: NewActivity) => string | undefined) =>
    activities.map((one) => read(one) ?? null)
  await tx.query('insert_activities', insertActivities, [
    tenantId,
    activities.map(() => random.id('activity')),
    column((one) => one.userId),
    column((one) => one.type),
    column((one) => one.severity),
    column((one) => one.actor),
    column((one) => one.challengeId),
    column((one) => one.deviceId),
    column((one) => one.enrolmentId),
    activities.map((one) => JSON.stringify(one.details ?? {})),
  ])
}

/** Records an audit event inside the transaction of the change it tells of. */
export async function recordAudit(
  tx: Queries,
  random: Pick<Random, 'id'>,
  tenantId: TenantId,
  event: NewAuditEvent,
): Promise<void> {
  await tx.query(
    'insert_audit_event',
    `insert into audit_events (tenant_id, id, type, actor, subject, details)
     values ($1, $2, $3, $4, $5, $6)`,
    [
      tenantId,
      random.id('auditEvent'),
      event.type,
      event.actor,
      event.subject,
      JSON.stringify(event.details ?? {}),
    ],
  )
}

/** What happened to users; read through Prisma, off the hot path. */
export function createActivityStore({ prisma }: Pick<Database, 'prisma'>): ActivityStore {
  return {
    async list(tenantId, userId, { limit, before }) {
      const rows = await prisma.activity.findMany({
        where: { tenantId, userId, ...(before === null ? {} : { id: { lt: before } }) },
        orderBy: { id: 'desc' },
        take: limit,
      })
      return rows.map(({ tenantId: _, ...row }) => row as Activity)
    },
  }
}
