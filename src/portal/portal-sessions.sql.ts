import { activity } from '../domain/activity.ts'
import type { PortalSessionId, TenantId } from '../domain/ids.ts'
import type { PortalSession } from '../domain/portal.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { recordActivities } from '../platform/postgres/record.ts'
import { run, runOne, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { lockProtectionRow } from '../protection/protections.sql.ts'
import type { PortalStore } from './portal.store.ts'
import { buildPortalChanges } from './portal-changes.sql.ts'

const createLink = statement<
  Parameters<PortalStore['createLink']>[0],
  { readonly linkExpiresAt: Date }
>(
  'create_portal_link',
  `insert into portal_sessions (tenant_id, id, user_id, rp_id, link_scopes, link_hash,
     link_expires_at)
   values (:tenantId, :id, :userId, :rpId, :linkScopes, :linkHash,
     clock_timestamp() + make_interval(secs => :linkSeconds))
   returning link_expires_at`,
)

// One conditional update: a second caller waits for the row and finds it opened.
const openLink = statement<
  {
    readonly tenantId: TenantId
    readonly linkHash: Uint8Array
    readonly sessionHash: Uint8Array
    readonly sessionSeconds: number
  },
  { readonly id: PortalSessionId }
>(
  'open_portal_link',
  `update portal_sessions set opened_at = clock_timestamp(), session_hash = :sessionHash,
     expires_at = clock_timestamp() + make_interval(secs => :sessionSeconds)
   where tenant_id = :tenantId and link_hash = :linkHash and opened_at is null
     and ended_at is null and link_expires_at > clock_timestamp()
   returning id`,
)

const findSession = statement<
  { readonly tenantId: TenantId; readonly sessionHash: Uint8Array },
  PortalSession
>(
  'find_portal_session',
  `select s.tenant_id, s.id, s.user_id, s.rp_id, coalesce(s.opened_at, s.created_at) as opened_at,
     s.expires_at, s.verified_at, coalesce(s.link_scopes, '{}') as link_scopes,
     clock_timestamp() as read_at, t.name as tenant_name, u.display_name as user_name
   from portal_sessions s join tenants t on t.tenant_id = s.tenant_id
   join users u on u.tenant_id = s.tenant_id and u.id = s.user_id
   where s.tenant_id = :tenantId and s.session_hash = :sessionHash and s.ended_at is null
     and s.expires_at > clock_timestamp()`,
)

type Key = { readonly tenantId: TenantId; readonly id: PortalSessionId }

const endSession = statement<Key>(
  'end_portal_session',
  `update portal_sessions set ended_at = clock_timestamp()
   where tenant_id = :tenantId and id = :id and ended_at is null`,
)

/** Links to the portal and the sessions that they open. */
export function buildPortalStore(database: Database, random: Pick<Random, 'id'>): PortalStore {
  async function find(db: Queries, tenantId: TenantId, sessionHash: Uint8Array) {
    const [row] = await run(db, findSession, { tenantId, sessionHash })
    return row ?? null
  }

  return {
    createLink: (link, event) =>
      database.transaction(async (tx) => {
        const { tenantId, userId } = link
        const { isSuspended } = await lockProtectionRow(tx, tenantId, userId)
        if (isSuspended) return null
        const row = await runOne(tx, createLink, link)
        await recordActivities(tx, random, tenantId, [event])
        return row.linkExpiresAt
      }),

    open: (tenantId, linkHash, { hash, seconds }) =>
      database.transaction(async (tx) => {
        const params = { tenantId, linkHash, sessionHash: hash, sessionSeconds: seconds }
        const openedRows = await run(tx, openLink, params)
        const session = openedRows.length === 1 ? await find(tx, tenantId, hash) : null
        if (!session) return null
        const { id, userId } = session
        await recordActivities(tx, random, tenantId, [
          activity({ userId, type: 'portal_opened', actor: `portal:${id}` }),
        ])
        return session
      }),

    ...buildPortalChanges(database, random),

    find: (tenantId, sessionHash) => find(database, tenantId, sessionHash),

    async end(tenantId, id) {
      await run(database, endSession, { tenantId, id })
    },
  }
}
