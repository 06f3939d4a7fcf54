// Rows similar to existing ones, with other names.

import type pg from 'pg'
import { growingTables } from '../../../src/platform/postgres/table-statistics.ts'

/**
 * Tables that a busy service reads all day; the other growing ones are read by sweeps and lists.
 */
export const growing: readonly string[] = growingTables.filter(
  (table) => !/^(audit_|diagnostics|webhook_facts|webhook_attempts)/.test(table),
)

/** The columns of a table, the distinguishing ones with another value for each `n`. */
const columnsOf = `
  select string_agg(case
    when type = 'text' and name ~ '^(id|[a-z_]*_id|jti|kid|value|key|name|budget)$'
        and name not in ('tenant_id', 'rp_id', 'endpoint_id', 'integration_id')
      then format('overlay(t.%I placing lpad(n::text, 6, %L) from 5 for 6)', name, '0')
    when type = 'bytea' and name ~ '_hash$' then format('int4send(n) || t.%I', name)
    else format('t.%I', name) end, ', ' order by place) as columns
  from (select attname as name, format_type(atttypid, null) as type, attnum as place
    from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped) c`

/**
 * Fills the growing tables with `count` rows like their first, of the same tenant, without new
 * statistics for the planner.
 */
export async function fillWithSimilarRows(client: pg.Client, count: number): Promise<void> {
  await client.query('begin; set local session_replication_role = replica')
  for (const table of growing) {
    // Otherwise the server itself would update the statistics now and then.
    await client.query(`alter table ${table} set (autovacuum_enabled = off)`)
    const { rows } = await client.query<{ columns: string }>(columnsOf, [table])
    const { rowCount } = await client.query(
      `insert into ${table} select ${rows[0]?.columns}
       from (select * from ${table} limit 1) t, generate_series($1::int, 2 * $1::int - 1) n`,
      [count],
    )
    if (rowCount !== count) throw new Error(`${table} has no row to begin with`)
  }
  await client.query('commit')
}
