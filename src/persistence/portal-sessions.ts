import { activity } from '../domain/activity.ts'
import type { PortalSessionId, TenantId } from '../domain/ids.ts'
import type { PortalSession } from '../domain/portal.ts'
import type { PortalStore } from '../ports/portal-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import type { Database, Queries } from './database.ts'
import { lockProtectionRow } from './protections.ts'

const createLink = `
  insert into portal_sessions (tenant_id, id, user_id, rp_id, link_hash, link_expires_at)
  values ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(secs => $6))
  returning link_expires_at`

// One conditional update: a second caller waits for the row and finds it opened.
const openLink = `
  update portal_sessions set opened_at = clock_timestamp(), session_hash = $3,
    expires_at = clock_timestamp() + make_interval(secs => $4)
  where tenant_id = $1 and link_hash = $2 and opened_at is null and ended_at is null
    and link_expires_at > clock_timestamp()
  returning id`

const findSession = `
  select s.tenant_id, s.id, s.user_id, s.rp_id, s.expires_at, t.name as tenant_name,
    u.display_name as user_name
  from portal_sessions s join tenants t on t.tenant_id = s.tenant_id
  join users u on u.tenant_id = s.tenant_id and u.id = s.user_id
  where s.tenant_id = $1 and s.session_hash = $2 and s.ended_at is null
    and s.expires_at > clock_timestamp()`

const endSession = `
  update portal_sessions set ended_at = clock_timestamp()
  where tenant_id = $1 and id = $2 and ended_at is null`

const lockSession = `
  select id from portal_sessions
  where tenant_id = $1 and id = $2 and opened_at is not null and ended_at is null
    and expires_at > clock_timestamp()
  for share`

/**
 * Locks a session until the commit, if it is live: nobody ends it meanwhile. After the user's
 * protection.
 */
export async function lockPortalSession(
  tx: Queries,
  tenantId: TenantId,
  id: PortalSessionId,
): Promise<boolean> {
  return (await tx.query('hold_portal_session', lockSession, [tenantId, id])).length === 1
}

type SessionRow = {
  readonly tenant_id: PortalSession['tenantId']
  readonly id: PortalSession['id']
  readonly user_id: PortalSession['userId']
  readonly rp_id: PortalSession['rpId']
  readonly tenant_name: string
  readonly user_name: string
  readonly expires_at: Date
}

function toSession(row: SessionRow): PortalSession {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    userId: row.user_id,
    rpId: row.rp_id,
    tenantName: row.tenant_name,
    userName: row.user_name,
    expiresAt: row.expires_at,
  }
}

/** Links to the portal and the sessions that they open. */
export function buildPortalStore(database: Database, random: Pick<Random, 'id'>): PortalStore {
  async function find(db: Queries, tenantId: string, sessionHash: Uint8Array) {
    const values = [tenantId, sessionHash]
    const [row] = await db.query<SessionRow>('find_portal_session', findSession, values)
    return row ? toSession(row) : null
  }

  return {
    createLink: ({ tenantId, id, userId, rpId, linkHash, linkSeconds }, event) =>
      database.transaction(async (tx) => {
        const { isSuspended } = await lockProtectionRow(tx, tenantId, userId)
        if (isSuspended) return null
        const values = [tenantId, id, userId, rpId, linkHash, linkSeconds]
        type LinkRow = { link_expires_at: Date }
        const [row] = await tx.query<LinkRow>('mint_portal_link', createLink, values)
        if (!row) throw new Error('an insert returns its row')
        await recordActivities(tx, random, tenantId, [event])
        return row.link_expires_at
      }),

    open: (tenantId, linkHash, { hash, seconds }) =>
      database.transaction(async (tx) => {
        const values = [tenantId, linkHash, hash, seconds]
        const openedRows = await tx.query('open_portal_link', openLink, values)
        const session = openedRows.length === 1 ? await find(tx, tenantId, hash) : null
        if (!session) return null
        const { id, userId } = session
        await recordActivities(tx, random, tenantId, [
          activity({ userId, type: 'portal_opened', actor: `portal:${id}` }),
        ])
        return session
      }),

    find: (tenantId, sessionHash) => find(database, tenantId, sessionHash),

    async end(tenantId, id) {
      await database.query('end_portal_session', endSession, [tenantId, id])
    },
  }
}
