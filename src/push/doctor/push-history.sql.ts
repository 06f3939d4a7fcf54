import type { DeviceId, TenantId } from '../../domain/ids.ts'
import type { PushRecord } from '../../domain/push-advice.ts'
import type { Database } from '../../platform/postgres/database.ts'
import { run, statement } from '../../platform/postgres/statement.ts'
import type { PushHistory, PushHistoryStore } from './push-history.store.ts'

/** The members of the push are null where there was none. */
type HistoryRow = Pick<PushHistory, 'tokenSetAt' | 'now'> & {
  readonly [Member in keyof PushRecord]: PushRecord[Member] | null
}

// A resend shares target and answers with the push before it: what happened earlier than a push was
// queued is not its effect. Only prompts are answered; tests have a receipt of their own.
const findHistory = statement<
  { readonly tenantId: TenantId; readonly deviceId: DeviceId; readonly limit: number },
  HistoryRow
>(
  'find_push_history',
  `select v.push_token_set_at as token_set_at, clock_timestamp() as now, p.id, p.kind, p.status,
     p.failure, p.reason, p.attempts, p.created_at as queued_at,
     case when p.status = 'sent' then p.settled_at end as sent_at,
     coalesce(p.received_at, t.received_at) as received_at, a.answered_at
   from devices v
   left join lateral (
     select * from deliveries d
     where d.tenant_id = v.tenant_id and d.device_id = v.id
     order by d.id desc limit :limit
   ) p on true
   left join lateral (
     select t.received_at from challenge_targets t
     where t.tenant_id = p.tenant_id and t.challenge_id = p.challenge_id
       and t.device_id = p.device_id and p.kind = 'challenge_opened'
       and t.received_at >= p.created_at
   ) t on true
   left join lateral (
     select min(n.created_at) as answered_at from answers n
     where n.tenant_id = p.tenant_id and n.challenge_id = p.challenge_id
       and n.device_id = p.device_id and p.kind = 'challenge_opened'
       and n.created_at >= p.created_at
   ) a on true
   where v.tenant_id = :tenantId and v.id = :deviceId
   order by p.id desc`,
)

const isPush = (row: HistoryRow): row is HistoryRow & PushRecord => row.id !== null

/** The last pushes of a device. */
export function buildPushHistoryStore(database: Database): PushHistoryStore {
  return {
    async find(tenantId, deviceId, limit) {
      const rows = await run(database, findHistory, { tenantId, deviceId, limit })
      const [device] = rows
      if (!device) return null
      const pushes = rows
        .filter(isPush)
        .map(({ tokenSetAt: _set, now: _now, ...push }): PushRecord => push)
      return { tokenSetAt: device.tokenSetAt, now: device.now, pushes }
    },
  }
}
