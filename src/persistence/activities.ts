import type { NewActivity } from '../domain/activity.ts'
import type { NewAuditEvent } from '../domain/audit.ts'
import type { TenantId } from '../domain/ids.ts'
import { needsPush } from '../domain/notice.ts'
import { activityTypeOf, storedActivityType } from '../domain/stored-activity-type.ts'
import type { ActivityModel, ActivityWhereInput } from '../generated/prisma/models.ts'
import type { Activity, ActivityStore } from '../ports/activity-store.ts'
import type { Random } from '../ports/world.ts'
import type { Database, Queries } from './database.ts'

const insertActivities = `
  insert into activities (tenant_id, id, user_id, type, severity, actor, challenge_id, device_id,
    enrollment_id, details, notice)
  select $1, x.* from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::jsonb[], $11::text[]) as x`

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
  await tx.query('insert_activities', insertActivities, [
    tenantId,
    activities.map(() => random.id('activity')),
    column((one) => one.userId),
    column((one) => storedActivityType(one.type)),
    column((one) => one.severity),
    column((one) => one.actor),
    column((one) => one.challengeId),
    column((one) => one.deviceId),
    column((one) => one.enrollmentId),
    activities.map((one) => JSON.stringify(one.details ?? {})),
    activities.map((one) => (needsPush(one) ? 'owed' : null)),
  ])
}

/** Records an audit event inside the transaction of the change that it records. */
export async function recordAudit(
  tx: Queries,
  random: Pick<Random, 'id'>,
  tenantId: TenantId,
  event: NewAuditEvent & { readonly id?: string },
): Promise<void> {
  await tx.query(
    'insert_audit_event',
    `insert into audit_events (tenant_id, id, type, actor, subject, details)
     values ($1, $2, $3, $4, $5, $6)`,
    [
      tenantId,
      event.id ?? random.id('auditEvent'),
      event.type,
      event.actor,
      event.subject,
      JSON.stringify(event.details ?? {}),
    ],
  )
}

// A key that was used before inserts nothing. An erasure of the user waits for this lock, or this
// statement waits for the erasure and then finds no user.
const insertPosted = `
  with u as materialized (
    select id from users where tenant_id = $1 and id = $3 and erased_at is null for share
  )
  insert into activities (tenant_id, id, user_id, type, severity, actor, posted, rp_id, post_key,
    post_hash, notice)
  select $1, $2, u.id, 'posted', $4, $5, $6::jsonb, $7, $8, $9::bytea, $10 from u
  on conflict (tenant_id, rp_id, post_key) where post_key is not null do nothing
  returning id`

const toActivity = (row: ActivityModel) => {
  const { id, userId, type, severity, actor, challengeId, deviceId, enrollmentId } = row
  const { details, posted, occurredAt } = row
  const about = { challengeId, deviceId, enrollmentId, details, posted, occurredAt }
  return { id, userId, type: activityTypeOf(type), severity, actor, ...about } as Activity
}

/** What happened to users; read through Prisma, off the hot path. */
export function buildActivityStore(
  { prisma, query }: Pick<Database, 'prisma' | 'query'>,
  random: Pick<Random, 'id'>,
): ActivityStore {
  return {
    async find(tenantId, id) {
      const row = await prisma.activity.findUnique({ where: { tenantId_id: { tenantId, id } } })
      if (!row) return null
      return toActivity(row)
    },

    async list(tenantId, userId, { limit, before }, view = { rpId: null }) {
      const visibility: ActivityWhereInput =
        'rpId' in view
          ? { OR: [{ rpId: null }, ...(view.rpId === null ? [] : [{ rpId: view.rpId }])] }
          : { type: { notIn: view.hiddenTypes.map(storedActivityType) } }
      const rows = await prisma.activity.findMany({
        where: {
          tenantId,
          userId,
          ...visibility,
          ...(before === null ? {} : { id: { lt: before } }),
        },
        orderBy: { id: 'desc' },
        take: limit,
      })
      return rows.map(toActivity)
    },

    async post({ tenantId, activity, idempotencyKey, postHash }) {
      const { userId, severity, actor, posted } = activity
      const rpId = posted.relyingParty.id
      const id = random.id('activity')
      const insertedRows = await query('insert_posted_activity', insertPosted, [
        tenantId,
        id,
        userId,
        severity,
        actor,
        JSON.stringify(posted),
        rpId,
        idempotencyKey,
        postHash,
        needsPush(activity) ? 'owed' : null,
      ])
      const isNew = insertedRows.length === 1
      if (!isNew && idempotencyKey === null) return null
      const row = await prisma.activity.findFirst({
        where: isNew ? { tenantId, id } : { tenantId, rpId, postKey: idempotencyKey },
      })
      return row && { activity: toActivity(row), postHash: isNew ? null : row.postHash }
    },
  }
}
