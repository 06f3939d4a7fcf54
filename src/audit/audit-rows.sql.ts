// Rows of the audit record as they are digested, and which of them belong in the chain.

import { commitSlackSeconds, unchainedActivities } from '../domain/audit-chain.ts'

export const micros = (column: string) => `(extract(epoch from ${column}) * 1000000)::bigint::text`

// jsonb has one spelling for one value, so its text can be digested.
export const activityRow = `a.id, ${micros('a.occurred_at')} as occurred_at_micros,
  case when a.posted is null then a.details::text
    else jsonb_build_array(a.details, a.posted)::text end as details,
  encode(a.salt, 'hex') as salt, a.occurred_at,
  jsonb_build_array(a.tenant_id, a.id, a.user_id, a.type, a.severity, a.actor, a.challenge_id,
    a.device_id, a.enrollment_id, a.rp_id)::text as core`
export const eventRow = `e.id, ${micros('e.occurred_at')} as occurred_at_micros,
  e.details::text as details, encode(e.salt, 'hex') as salt, e.occurred_at,
  jsonb_build_array(e.tenant_id, e.id, e.type, e.actor, e.subject)::text as core`

// `offset 0` keeps the planner from hashing all links against all rows: each row is looked up by
// its id.
export const isUnlinked = (alias: string) => `not exists (
  select from audit_links l where l.tenant_id = ${alias}.tenant_id
    and l.row_id = ${alias}.id offset 0)`
/** Activities (`a`) that belong in the chain. */
export const isChained = `a.type <> all('{${unchainedActivities.join(',')}}'::text[])`
export const seconds = (value: string | number) => `make_interval(secs => ${value})`
export const slack = seconds(commitSlackSeconds)
// One bound and no `or`, so that the index on the time is used: otherwise every scan would read the
// whole record.
export const scanFrom = (back: string) => `coalesce(c.linked_through - ${back}, '-infinity')`
