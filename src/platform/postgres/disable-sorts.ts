import type { Queries } from './database.ts'
import { run, statement } from './statement.ts'

const setPlanner = statement<
  Record<never, never>,
  { readonly planMode: string; readonly sort: string }
>(
  'walk_by_time',
  `select set_config('plan_cache_mode', 'force_custom_plan', true) as plan_mode,
    set_config('enable_sort', 'off', true) as sort`,
)

/**
 * A plan that was made while the tables were empty, or without statistics, reads all rows of a
 * tenant in order to sort them. Without sorts the index in that order is the only way, whatever the
 * planner estimates; and off the hot path a plan for each scan costs next to nothing.
 */
export async function disableSorts(tx: Queries): Promise<void> {
  await run(tx, setPlanner, {})
}
