import { lockUserRow } from '../../devices/devices.sql.ts'
import { activity } from '../../domain/activity.ts'
import type { Challenge } from '../../domain/challenge.ts'
import type {
  ChallengeId,
  DeviceId,
  PortalSessionId,
  RelyingPartyId,
  TenantId,
} from '../../domain/ids.ts'
import { policyOf, strictest } from '../../domain/policy.ts'
import { portalDeviceAgeSeconds } from '../../domain/portal-sign-in.ts'
import type { Database } from '../../platform/postgres/database.ts'
import { recordActivities } from '../../platform/postgres/record.ts'
import { run, statement } from '../../platform/postgres/statement.ts'
import type { Random } from '../../platform/world.ts'
import type { EntranceParty, EntranceStore } from './entrance.store.ts'
import { findPortalSession } from './portal-session-rows.sql.ts'

const findEntrance = statement<
  { readonly tenantId: TenantId; readonly rpId: RelyingPartyId },
  Omit<EntranceParty, 'policy'> & { readonly policy: unknown; readonly rpPolicy: unknown }
>(
  'find_portal_entrance',
  `select r.name as rp_name, coalesce(r.namespaces, '{}') as namespaces, t.name as tenant_name,
     t.policy, r.policy as rp_policy
   from relying_parties r join tenants t on t.tenant_id = r.tenant_id
   where r.tenant_id = :tenantId and r.id = :rpId`,
)

const findQuestion = statement<
  { readonly tenantId: TenantId; readonly id: ChallengeId },
  Pick<Challenge, 'status' | 'userId'>
>(
  'find_portal_question',
  'select status, user_id from challenges where tenant_id = :tenantId and id = :id',
)

// The user's row is locked: suspending the user, suspending and ending a device take it first.
const openByApproval = statement<
  {
    readonly tenantId: TenantId
    readonly rpId: RelyingPartyId
    readonly challengeId: ChallengeId
    readonly userId: Challenge['userId']
    readonly id: PortalSessionId
    readonly linkHash: Uint8Array
    readonly sessionHash: Uint8Array
    readonly sessionSeconds: number
    readonly ageSeconds: number
  },
  { readonly deviceId: DeviceId | null }
>(
  'open_portal_by_approval',
  `insert into portal_sessions (tenant_id, id, user_id, rp_id, link_hash, link_expires_at,
     opened_at, session_hash, expires_at, challenge_id, device_id)
   select c.tenant_id, :id, c.user_id, c.rp_id, :linkHash, clock_timestamp(), clock_timestamp(),
     :sessionHash, clock_timestamp() + make_interval(secs => :sessionSeconds), c.id, d.id
   from challenges c
   join devices d on d.tenant_id = c.tenant_id and d.id = c.decided_device_id
   join user_protections p on p.tenant_id = c.tenant_id and p.user_id = c.user_id
   where c.tenant_id = :tenantId and c.id = :challengeId and c.rp_id = :rpId
     and c.user_id = :userId and c.status = 'approved' and c.user_verification = 'required'
     and d.user_id = c.user_id and d.status = 'active'
     and d.activated_at <= c.created_at - make_interval(secs => :ageSeconds)
     and p.suspended_at is null
   on conflict do nothing
   returning device_id`,
)

/** Sign-ins to the portal by an approval. */
export function buildEntranceStore(database: Database, random: Pick<Random, 'id'>): EntranceStore {
  return {
    async findEntrance(tenantId, rpId) {
      const [row] = await run(database, findEntrance, { tenantId, rpId })
      if (!row) return null
      const { rpPolicy, policy, ...party } = row
      return { ...party, policy: strictest(policyOf(policy), rpPolicy) }
    },

    async findEntranceQuestion(tenantId, id) {
      const [row] = await run(database, findQuestion, { tenantId, id })
      return row ?? null
    },

    openByApproval: (pending, userId, { id, hash, linkHash, seconds }) =>
      database.transaction(async (tx) => {
        const { tenantId, rpId, challengeId } = pending
        await lockUserRow(tx, tenantId, userId)
        const [row] = await run(tx, openByApproval, {
          ...{ tenantId, rpId, challengeId, userId, id, linkHash },
          sessionHash: hash,
          sessionSeconds: seconds,
          ageSeconds: portalDeviceAgeSeconds,
        })
        if (!row?.deviceId) return null
        const { deviceId } = row
        const actor = `portal:${id}` as const
        await recordActivities(tx, random, tenantId, [
          activity({ userId, type: 'portal_opened', actor, deviceId, challengeId }),
        ])
        return findPortalSession(tx, tenantId, hash)
      }),
  }
}
