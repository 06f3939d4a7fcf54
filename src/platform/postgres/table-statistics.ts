import type { TableStatistics } from '../work/table-statistics.store.ts'
import type { Database } from './database.ts'
import { run, statement } from './statement.ts'

/** Tables that grow with use. */
export const growingTables = [
  'users',
  'user_identifiers',
  'user_protections',
  'initiators',
  'enrollments',
  'devices',
  'device_keys',
  'replaced_device_keys',
  'device_proofs',
  'passcode_secrets',
  'passcode_budgets',
  'single_use_codes',
  'portal_sessions',
  'reports',
  'diagnostics',
  'challenges',
  'challenge_targets',
  'answers',
  'activities',
  'activity_push_budgets',
  'deliveries',
  'audit_events',
  'audit_links',
  'shown_numbers',
  'followed_challenges',
  'keycloak_callbacks',
  'webhook_facts',
  'webhook_deliveries',
  'webhook_attempts',
] as const

// `reltuples` is what the planner uses; the counters are those of autovacuum, which continues from
// here. A table that only another role may analyze is never due, and a big one (a restored backup,
// say) takes longer than a statement may.
const findDue = statement<{ readonly tables: readonly string[] }, { readonly name: string }>(
  'due_statistics',
  `select c.relname::text as name
   from unnest(:tables::text[]) as n(name) join pg_class c on c.oid = to_regclass(n.name)
   where exists (select from unnest(array[100, 1000, 10000]) as step
       where c.reltuples < step and pg_stat_get_live_tuples(c.oid) >= step)
     and pg_relation_size(c.oid) < 64 * 1024 * 1024
     and (pg_has_role(c.relowner, 'usage') or pg_has_role(
       (select d.datdba from pg_database d where d.datname = current_database()), 'usage'))`,
)

const analyses = new Map(
  growingTables.map((table) => [
    table as string,
    statement<object>(`analyze_${table}`, `analyze (skip_locked) ${table}`),
  ]),
)

/**
 * The planner's statistics of our own tables. Any number of processes may refresh them
 * concurrently.
 */
export function buildTableStatistics(database: Pick<Database, 'query'>): TableStatistics {
  return {
    async refresh() {
      for (const { name } of await run(database, findDue, { tables: growingTables })) {
        const analyze = analyses.get(name)
        // The process that holds the lock is analyzing it, or vacuuming.
        if (analyze) await run(database, analyze, {})
      }
    },
  }
}
