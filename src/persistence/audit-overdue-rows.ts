// Rows that the chain should contain and does not: scanned page by page, so that no record is too
// long for one statement.

import type { TenantId } from '../domain/ids.ts'
import { isChained, isUnlinked, scanFrom, slack } from './audit-rows.ts'
import type { Database } from './database.ts'
import { disableSorts } from './disable-sorts.ts'

const pageRows = 10_000

// The bound of the sweep's own scan: only rows older than the sweep scans count as missed.
const bound = `
  select ${scanFrom(slack)}::text as bound from audit_chains c where c.tenant_id = $1`

const pageOf = (table: string, of: string) => `
  with page as materialized (
    select a.* from ${table} a
    where a.tenant_id = $1 and a.occurred_at < $2::text::timestamptz
      and (a.occurred_at, a.id) > ($3::text::timestamptz, $4::text)
    order by a.occurred_at, a.id limit ${pageRows}
  )
  select (select a.id from page a where ${of} and ${isUnlinked('a')}
      order by a.occurred_at, a.id limit 1) as "unlinkedId",
    (select count(*) from page)::int as count, a.occurred_at::text as "lastAt", a.id as "lastId"
  from page a order by a.occurred_at desc, a.id desc limit 1`
const tables = [
  ['audit_events', pageOf('audit_events', 'true')],
  ['activities', pageOf('activities', isChained)],
] as const

type Page = { unlinkedId: string | null; count: number; lastAt: string; lastId: string }

/**
 * The first row that should have been linked long ago and is not; events before activities. Null
 * when there is none.
 */
export async function findOverdueRow(
  database: Database,
  tenantId: TenantId,
): Promise<string | null> {
  const [chain] = await database.query<{ bound: string }>('forgotten_before', bound, [tenantId])
  if (!chain) return null
  for (const [table, text] of tables) {
    let page: Page | undefined
    do {
      const place = [page?.lastAt ?? '-infinity', page?.lastId ?? '']
      page = await database.transaction(async (tx) => {
        await disableSorts(tx)
        const values = [tenantId, chain.bound, ...place]
        return (await tx.query<Page>(`forgotten_${table}`, text, values))[0]
      })
      if (page?.unlinkedId) return page.unlinkedId
    } while (page?.count === pageRows)
  }
  return null
}
