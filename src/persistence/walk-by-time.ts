import type { Queries } from './database.ts'

/**
 * A plan that was made while the tables were empty, or without statistics, reads all that a tenant ever did in order to sort it.
 * Without sorts the index that has the order is the only way, whatever the planner believes; and off the hot path a plan for
 * each look costs next to nothing.
 */
export async function walkByTime(tx: Queries): Promise<void> {
  await tx.query(
    'walk_by_time',
    `select set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('enable_sort', 'off', true)`,
    [],
  )
}
