// Time that passes without waiting: all times that push throttling and locks read are moved back.

const steps = [
  `update initiators set
     pushes = coalesce((select jsonb_agg(jsonb_set(e, '{t}', to_jsonb((e->>'t')::numeric - $2::numeric * 1000)))
       from jsonb_array_elements(pushes) e), '[]'),
     pending = coalesce((select jsonb_object_agg(key, value::text::numeric - $2::numeric * 1000)
       from jsonb_each(pending)), '{}'),
     denied_at = denied_at - make_interval(secs => $2::int),
     approved_at = approved_at - make_interval(secs => $2::int),
     blocked_until = blocked_until - make_interval(secs => $2::int)
   where user_id = $1`,
  `update user_protections set
     locked_until = locked_until - make_interval(secs => $2::int),
     reported_until = reported_until - make_interval(secs => $2::int),
     paused_until = paused_until - make_interval(secs => $2::int)
   where user_id = $1`,
  `update activity_push_budgets set
     pushed_at = array(select t - make_interval(secs => $2::int) from unnest(pushed_at) t)
   where user_id = $1`,
  `update challenges set
     created_at = created_at - make_interval(secs => $2::int),
     expires_at = expires_at - make_interval(secs => $2::int),
     last_push_at = last_push_at - make_interval(secs => $2::int),
     chain_started_at = chain_started_at - make_interval(secs => $2::int)
   where user_id = $1`,
]

/** Moves the history of a user back by so many seconds. */
export async function letTimePass(
  run: (sql: string, values: unknown[]) => Promise<unknown>,
  userId: string,
  seconds: number,
): Promise<void> {
  for (const sql of steps) await run(sql, [userId, seconds])
}
