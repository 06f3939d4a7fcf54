import type { Actor, Severity } from '../domain/activity.ts'
import type { ChallengeContext } from '../domain/challenge-context.ts'
import type { ActivityId, RelyingPartyId, TenantId, UserId } from '../domain/ids.ts'
import { needsPush } from '../domain/notice.ts'
import { activityTypeOf, storedActivityType } from '../domain/stored-activity-type.ts'
import type { ActivityModel, ActivityWhereInput } from '../generated/prisma/models.ts'
import type { Database } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import type { Activity, ActivityStore } from './activity.store.ts'

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

/** Adds the applications of sign-ins, which only the user may see together. */
async function withApplications(
  { prisma }: Pick<Database, 'prisma'>,
  tenantId: TenantId,
  activities: readonly Activity[],
): Promise<Activity[]> {
  const ids = activities.flatMap(({ challengeId }) => challengeId ?? [])
  const challenges = await prisma(tenantId, (client) =>
    client.challenge.findMany({
      where: { tenantId, id: { in: [...new Set(ids)] } },
      select: { id: true, context: true },
    }),
  )
  const contexts = new Map(challenges.map(({ id, context }) => [id, context as ChallengeContext]))
  return activities.map((activity) => {
    const { application } = contexts.get(activity.challengeId ?? '') ?? {}
    if (application === undefined) return activity
    return { ...activity, details: { ...activity.details, application } }
  })
}

/** What happened to users; read through Prisma, off the hot path. */
export function buildActivityStore(
  { prisma, query }: Pick<Database, 'prisma' | 'query'>,
  random: Pick<Random, 'id'>,
): ActivityStore {
  return {
    async find(tenantId, id) {
      const row = await prisma(tenantId, (client) =>
        client.activity.findUnique({ where: { tenantId_id: { tenantId, id } } }),
      )
      if (!row) return null
      return toActivity(row)
    },

    async list(tenantId, userId, { limit, before }, view = { rpId: null }) {
      const visibility: ActivityWhereInput =
        'rpId' in view
          ? { OR: [{ rpId: null }, ...(view.rpId === null ? [] : [{ rpId: view.rpId }])] }
          : { type: { notIn: view.hiddenTypes.map(storedActivityType) } }
      const older = before === null ? {} : { id: { lt: before } }
      const rows = await prisma(tenantId, (client) =>
        client.activity.findMany({
          where: { tenantId, userId, ...visibility, ...older },
          orderBy: { id: 'desc' },
          take: limit,
        }),
      )
      const activities = rows.map(toActivity)
      return 'rpId' in view ? activities : withApplications({ prisma }, tenantId, activities)
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
      const row = await prisma(tenantId, (client) =>
        client.activity.findFirst({
          where: isNew ? { tenantId, id } : { tenantId, rpId, postKey: idempotencyKey },
        }),
      )
      return row && { activity: toActivity(row), postHash: isNew ? null : row.postHash }
    },
  }
}
