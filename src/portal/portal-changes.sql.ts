import { lockUserRow } from '../devices/devices.sql.ts'
import type { ActivityId, ChallengeId, PortalSessionId, TenantId, UserId } from '../domain/ids.ts'
import type { Database } from '../platform/postgres/database.ts'
import { recordActivities } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { lockPortalSession } from '../protection/portal-session.sql.ts'
import {
  changeProtection,
  lockProtectionRow,
  protectionParams,
} from '../protection/protections.sql.ts'
import type { PortalStore } from './portal.store.ts'

type ByUser = { readonly tenantId: TenantId; readonly userId: UserId }

const markVerified = statement<
  { readonly tenantId: TenantId; readonly id: PortalSessionId },
  { readonly at: Date }
>(
  'mark_portal_session_verified',
  `update portal_sessions set verified_at = clock_timestamp()
   where tenant_id = :tenantId and id = :id and ended_at is null
     and expires_at > clock_timestamp()
   returning coalesce(verified_at, clock_timestamp()) as at`,
)

// Ids begin with their time (UUIDv7): activities of before the challenge are not read. Eight
// characters leave a second.
const findActivity = statement<
  ByUser & { readonly challengeId: ChallengeId },
  { readonly id: ActivityId }
>(
  'find_activity_of_challenge',
  `select id from activities
   where tenant_id = :tenantId and user_id = :userId
     and id >= 'act_' || substr(:challengeId, 5, 7) and challenge_id = :challengeId
   order by id limit 1`,
)

const changePreferences = statement<ByUser & { readonly preferences: string }>(
  'change_preferences_in_portal',
  `update users set notification_preferences = :preferences
   where tenant_id = :tenantId and id = :userId`,
)

const findErasureRequest = statement<
  ByUser & { readonly gapSeconds: number },
  { readonly at: Date }
>(
  'find_erasure_request',
  `select max(occurred_at) as at from activities
   where tenant_id = :tenantId and user_id = :userId and type = 'erasure_requested'
     and occurred_at > clock_timestamp() - make_interval(secs => :gapSeconds)
   having count(*) > 0`,
)

/** What users change in the portal: written only while their session is live. */
export function buildPortalChanges(
  database: Database,
  random: Pick<Random, 'id'>,
): Pick<
  PortalStore,
  | 'markVerified'
  | 'findActivityOf'
  | 'record'
  | 'changePreferences'
  | 'changeProtection'
  | 'requestErasure'
> {
  return {
    async markVerified(tenantId, id) {
      const [row] = await run(database, markVerified, { tenantId, id })
      return row?.at ?? null
    },

    async findActivityOf({ tenantId, userId, id: challengeId }) {
      const [row] = await run(database, findActivity, { tenantId, userId, challengeId })
      return row?.id ?? null
    },

    record: ({ tenantId, id }, event) =>
      database.transaction(async (tx) => {
        if (!(await lockPortalSession(tx, tenantId, id))) return null
        await recordActivities(tx, random, tenantId, [event])
        return 'done'
      }),

    changePreferences: ({ tenantId, userId, id }, preferences, event) =>
      database.transaction(async (tx) => {
        await lockUserRow(tx, tenantId, userId)
        if (!(await lockPortalSession(tx, tenantId, id))) return null
        await run(tx, changePreferences, {
          tenantId,
          userId,
          preferences: JSON.stringify(preferences),
        })
        await recordActivities(tx, random, tenantId, [event])
        return 'done'
      }),

    changeProtection: ({ tenantId, userId, id }, next, event) =>
      database.transaction(async (tx) => {
        await lockProtectionRow(tx, tenantId, userId)
        if (!(await lockPortalSession(tx, tenantId, id))) return 'session_gone'
        const params = { tenantId, userId, ...protectionParams(next) }
        if ((await run(tx, changeProtection, params)).length === 0) return 'changed'
        await recordActivities(tx, random, tenantId, [event])
        return 'done'
      }),

    requestErasure: ({ tenantId, userId, id }, gapSeconds, event) =>
      database.transaction(async (tx) => {
        await lockUserRow(tx, tenantId, userId)
        if (!(await lockPortalSession(tx, tenantId, id))) return null
        const find = () => run(tx, findErasureRequest, { tenantId, userId, gapSeconds })
        const [former] = await find()
        if (former) return former.at
        await recordActivities(tx, random, tenantId, [event])
        const [newRequest] = await find()
        return newRequest?.at ?? null
      }),
  }
}
