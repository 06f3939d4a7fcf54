import type { Exemption } from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import type { Queries } from '../platform/postgres/database.ts'
import { runOne, statement } from '../platform/postgres/statement.ts'
import { isChained, micros } from './audit-rows.sql.ts'

type Result = Pick<Exemption, 'count' | 'from' | 'digest'>

const before = `'epoch'::timestamptz + :beforeMicros::text::bigint * interval '1 microsecond'`
const about = statement<
  { readonly tenantId: TenantId; readonly userId: string; readonly beforeMicros: string },
  Result
>(
  'count_about',
  `select count(*)::int as count, coalesce(min(x.micros::bigint), 0)::text as "from",
    coalesce(encode(sha256(convert_to(string_agg(x.id, ',' order by x.id collate "C"), 'UTF8')),
      'hex'), '') as digest
  from (
    select a.id, ${micros('a.occurred_at')} as micros from activities a
    where a.tenant_id = :tenantId and a.user_id = :userId and ${isChained}
      and a.occurred_at < ${before}
    union all
    select e.id, ${micros('e.occurred_at')} from audit_events e
    where e.tenant_id = :tenantId and e.subject = :userId and e.type <> 'user_erased'
      and e.occurred_at < ${before}
  ) x`,
)

/**
 * The rows of the record about a user from before a time in microseconds: their number, the
 * earliest time, and a digest of their ids.
 */
export async function countAbout(
  queries: Pick<Queries, 'query'>,
  tenantId: TenantId,
  userId: string,
  beforeMicros: string,
): Promise<Result> {
  const row = await runOne(queries, about, { tenantId, userId, beforeMicros })
  return row
}
