import { activity } from '../domain/activity.ts'
import type { PortalSessionId, TenantId } from '../domain/ids.ts'
import type { Database } from '../platform/postgres/database.ts'
import { recordActivities } from '../platform/postgres/record.ts'
import { run, runOne, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { lockProtectionRow } from '../protection/protections.sql.ts'
import { buildEntranceStore } from './entrance/entrance.sql.ts'
import { findPortalSession } from './entrance/portal-session-rows.sql.ts'
import type { PortalStore } from './portal.store.ts'
import { buildPortalChanges } from './portal-changes.sql.ts'
import { buildPortalDevices } from './portal-devices.sql.ts'

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

type Key = { readonly tenantId: TenantId; readonly id: PortalSessionId }

const endSession = statement<Key>(
  'end_portal_session',
  `update portal_sessions set ended_at = clock_timestamp()
   where tenant_id = :tenantId and id = :id and ended_at is null`,
)

/** Links to the portal and the sessions that they open. */
export function buildPortalStore(database: Database, random: Pick<Random, 'id'>): PortalStore {
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
        const session = openedRows.length === 1 ? await findPortalSession(tx, tenantId, hash) : null
        if (!session) return null
        const { id, userId } = session
        await recordActivities(tx, random, tenantId, [
          activity({ userId, type: 'portal_opened', actor: `portal:${id}` }),
        ])
        return session
      }),

    ...buildPortalChanges(database, random),
    ...buildPortalDevices(database, random),
    ...buildEntranceStore(database, random),

    find: (tenantId, sessionHash) => findPortalSession(database, tenantId, sessionHash),

    async end(tenantId, id) {
      await run(database, endSession, { tenantId, id })
    },
  }
}
