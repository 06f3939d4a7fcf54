import type { PortalSessionId, TenantId } from '../domain/ids.ts'
import type { Queries } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'

type Key = { readonly tenantId: TenantId; readonly id: PortalSessionId }

const lockSession = statement<Key, Pick<Key, 'id'>>(
  'lock_portal_session',
  `select id from portal_sessions
   where tenant_id = :tenantId and id = :id and opened_at is not null and ended_at is null
     and expires_at > clock_timestamp()
   for share`,
)

/**
 * Locks a session until the commit, if it is live: nobody ends it meanwhile. After the user's
 * protection.
 */
export async function lockPortalSession(
  tx: Queries,
  tenantId: TenantId,
  id: PortalSessionId,
): Promise<boolean> {
  return (await run(tx, lockSession, { tenantId, id })).length === 1
}
