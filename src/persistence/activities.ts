import type { Actor, NewActivity, Severity } from '../domain/activity.ts'
import type { AuditType, NewAuditEvent } from '../domain/audit.ts'
import type { ActivityId, RelyingPartyId, TenantId, UserId } from '../domain/ids.ts'
import { needsPush } from '../domain/notice.ts'
import { activityTypeOf, storedActivityType } from '../domain/stored-activity-type.ts'
import type { ActivityModel, ActivityWhereInput } from '../generated/prisma/models.ts'
import type { Activity, ActivityStore } from '../ports/activity-store.ts'
import type { Random } from '../ports/world.ts'
import type { Database, Queries } from './database.ts'
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

// A key that was used before inserts nothing. An erasure of the user waits for this lock, or this
// statement waits for the erasure and then finds no user.
const insertPosted = statement<
  {
    readonly tenantId: TenantId
    readonly id: ActivityId
    readonly userId: UserId
    readonly severity: Severity
    readonly actor: Actor
    readonly posted: string
    readonly rpId: RelyingPartyId
    readonly postKey: string | null
    readonly postHash: Uint8Array | null
    readonly notice: 'owed' | null
  },
  { readonly id: ActivityId }
>(
  'insert_posted_activity',
  `with u as materialized (
    select id from users where tenant_id = :tenantId and id = :userId and erased_at is null
    for share
  )
  insert into activities (tenant_id, id, user_id, type, severity, actor, posted, rp_id, post_key,
    post_hash, notice)
  select :tenantId, :id, u.id, 'posted', :severity, :actor, :posted::jsonb, :rpId, :postKey,
    :postHash::bytea, :notice from u
  on conflict (tenant_id, rp_id, post_key) where post_key is not null do nothing
  returning id`,
)

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
      const client = await prisma()
      const row = await client.activity.findUnique({ where: { tenantId_id: { tenantId, id } } })
      if (!row) return null
      return toActivity(row)
    },

    async list(tenantId, userId, { limit, before }, view = { rpId: null }) {
      const visibility: ActivityWhereInput =
        'rpId' in view
          ? { OR: [{ rpId: null }, ...(view.rpId === null ? [] : [{ rpId: view.rpId }])] }
          : { type: { notIn: view.hiddenTypes.map(storedActivityType) } }
      const client = await prisma()
      const rows = await client.activity.findMany({
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
      const insertedRows = await run({ query }, insertPosted, {
        tenantId,
        id,
        userId,
        severity,
        actor,
        posted: JSON.stringify(posted),
        rpId,
        postKey: idempotencyKey,
        postHash,
        notice: needsPush(activity) ? 'owed' : null,
      })
      const isNew = insertedRows.length === 1
      if (!isNew && idempotencyKey === null) return null
      const client = await prisma()
      const row = await client.activity.findFirst({
        where: isNew ? { tenantId, id } : { tenantId, rpId, postKey: idempotencyKey },
      })
      return row && { activity: toActivity(row), postHash: isNew ? null : row.postHash }
    },
  }
}
