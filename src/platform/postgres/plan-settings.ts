/**
 * What the plans of our statements rely on (docs/decisions/0024). A plan is made once for all
 * values and kept: otherwise each connection plans each statement anew for five times, and then
 * decides for this plan anyway. So it must be right for tables that grow: reading a whole table, to
 * filter or to join it, is only ever better while it is small, and every statement has an index to
 * use.
 */
export const planSettings: Readonly<Record<string, string>> = {
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
}
