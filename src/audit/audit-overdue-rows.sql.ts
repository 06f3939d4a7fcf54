// Rows that the chain should contain and does not: scanned page by page, so that no record is too
// long for one statement.

import type { TenantId } from '../domain/ids.ts'
import type { Database } from '../platform/postgres/database.ts'
import { disableSorts } from '../platform/postgres/disable-sorts.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import { isChained, isUnlinked, scanFrom, slack } from './audit-rows.sql.ts'

const pageRows = 10_000

// The bound of the sweep's own scan: only rows older than the sweep scans count as missed.
const findBound = statement<{ readonly tenantId: TenantId }, { readonly bound: string }>(
  'forgotten_before',
  `select ${scanFrom(slack)}::text as bound from audit_chains c where c.tenant_id = :tenantId`,
)

/** The last row of a page, and after which row it begins. */
type Place = { readonly lastAt: string; readonly lastId: string }
type Page = Place & { readonly unlinkedId: string | null; readonly count: number }

const pageOf = (table: string, of: string) =>
  statement<Place & { readonly tenantId: TenantId; readonly bound: string }, Page>(
    `forgotten_${table}`,
    `with page as materialized (
      select a.* from ${table} a
      where a.tenant_id = :tenantId and a.occurred_at < :bound::text::timestamptz
        and (a.occurred_at, a.id) > (:lastAt::text::timestamptz, :lastId::text)
      order by a.occurred_at, a.id limit ${pageRows}
    )
    select (select a.id from page a where ${of} and ${isUnlinked('a')}
        order by a.occurred_at, a.id limit 1) as unlinked_id,
      (select count(*) from page)::int as count, a.occurred_at::text as last_at, a.id as last_id
    from page a order by a.occurred_at desc, a.id desc limit 1`,
  )
const pageStatements = [pageOf('audit_events', 'true'), pageOf('activities', isChained)]

/**
 * The first row that should have been linked long ago and is not; events before activities. Null
 * when there is none.
 */
export async function findOverdueRow(
  database: Database,
  tenantId: TenantId,
): Promise<string | null> {
  const [chain] = await run(database, findBound, { tenantId })
  if (!chain) return null
  const { bound } = chain
  for (const readPage of pageStatements) {
    let page: Page | undefined
    do {
      const { lastAt = '-infinity', lastId = '' } = page ?? {}
      page = await database.transaction(async (tx) => {
        await disableSorts(tx)
        return (await run(tx, readPage, { tenantId, bound, lastAt, lastId }))[0]
      })
      if (page?.unlinkedId) return page.unlinkedId
    } while (page?.count === pageRows)
  }
  return null
}
