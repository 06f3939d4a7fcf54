import type { TenantId } from '../../domain/ids.ts'
import type { PortalSession } from '../../domain/portal.ts'
import type { Queries } from '../../platform/postgres/database.ts'
import { run, statement } from '../../platform/postgres/statement.ts'

const findSession = statement<
  { readonly tenantId: TenantId; readonly sessionHash: Uint8Array },
  PortalSession
>(
  'find_portal_session',
  `select s.tenant_id, s.id, s.user_id, s.rp_id, coalesce(s.opened_at, s.created_at) as opened_at,
     s.expires_at, s.verified_at, coalesce(s.link_scopes, '{}') as link_scopes,
     s.challenge_id,
     clock_timestamp() as read_at, t.name as tenant_name, u.display_name as user_name
   from portal_sessions s join tenants t on t.tenant_id = s.tenant_id
   join users u on u.tenant_id = s.tenant_id and u.id = s.user_id
   where s.tenant_id = :tenantId and s.session_hash = :sessionHash and s.ended_at is null
     and s.expires_at > clock_timestamp()`,
)

/** The live session of this cookie. */
export async function findPortalSession(
  db: Queries,
  tenantId: TenantId,
  sessionHash: Uint8Array,
): Promise<PortalSession | null> {
  const [row] = await run(db, findSession, { tenantId, sessionHash })
  return row ?? null
}
