import type { PortalSessionId, TenantId } from '../domain/ids.ts'
import type { Queries } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'

type Key = { readonly tenantId: TenantId; readonly id: PortalSessionId }

const lockSession = statement<Key & { readonly anyWay: boolean }, Pick<Key, 'id'>>(
  'lock_portal_session',
  `select id from portal_sessions
   where tenant_id = :tenantId and id = :id and opened_at is not null and ended_at is null
     and expires_at > clock_timestamp() and (challenge_id is null or :anyWay)
   for share`,
)

/**
 * Locks a session until the commit, if it is live: nobody ends it meanwhile. After the user's
 * protection. One that a device opened may do little: it counts only where `openedBy` is `any`.
 */
export async function lockPortalSession(
  tx: Queries,
  tenantId: TenantId,
  id: PortalSessionId,
  openedBy: 'any' | 'link' = 'link',
): Promise<boolean> {
  const params = { tenantId, id, anyWay: openedBy === 'any' }
  return (await run(tx, lockSession, params)).length === 1
}
