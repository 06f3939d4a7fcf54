import type { LeaseStore } from '../work/lease.store.ts'
import type { Database } from './database.ts'
import { holderPrefix, presenceClass } from './presence.ts'
import { run, statement } from './statement.ts'

// `pg_locks` shows the locks at the time of reading, and not those at the start of the statement. A
// process that leased before this statement began took its lock before that, so it is found here
// unless it is gone.
const live = `
  select '${holderPrefix}' || l.objid as holder from pg_locks l
  where l.locktype = 'advisory' and l.classid = :presenceClass::bigint::oid and l.objsubid = 2
    and l.granted
    and l.database = (select b.oid from pg_database b where b.datname = current_database())`

/**
 * Leases whose names are not those of locks simply expire: of processes of another version, and of
 * those that had no lock.
 */
const isAbandoned = (holder: string) =>
  `starts_with(${holder}, '${holderPrefix}') and ${holder} not in (select holder from live)`

type ByPresence = { readonly presenceClass: number }

const listHolders = statement<ByPresence, { readonly holder: string }>('lease_holders', live)

const freeAbandoned = statement<ByPresence, { readonly count: number }>(
  'free_abandoned',
  `with live as materialized (${live}
  ), pushes as materialized (
    select d.tenant_id, d.id from deliveries d
    where d.status = 'queued' and d.settled_at is null and d.leased_until > clock_timestamp()
      and ${isAbandoned('d.leased_by')}
    for update skip locked
  ), hooks as materialized (
    select d.tenant_id, d.endpoint_id, d.event_id from webhook_deliveries d
    where d.status = 'queued' and d.leased_until > clock_timestamp()
      and ${isAbandoned('d.leased_by')}
    for update skip locked
  ), freed_pushes as (
    update deliveries d set leased_until = clock_timestamp()
    from pushes p where d.tenant_id = p.tenant_id and d.id = p.id
    returning 1
  ), freed_hooks as (
    update webhook_deliveries d set leased_until = clock_timestamp()
    from hooks h where d.tenant_id = h.tenant_id and d.endpoint_id = h.endpoint_id
      and d.event_id = h.event_id
    returning 1
  ), lost_callbacks as (
    update keycloak_callbacks k set status = 'settled', reason = 'lost', token_sealed = null
    where k.status = 'trying' and k.token_sealed is not null and ${isAbandoned('k.tried_by')}
    returning 1
  )
  select ((select count(*) from freed_pushes) + (select count(*) from freed_hooks)
    + (select count(*) from lost_callbacks))::int as count`,
)

/** Leases of all kinds, by their holders. */
export function buildLeaseStore(database: Database, schema = 'public'): LeaseStore {
  const params = { presenceClass: presenceClass(schema) }
  return {
    async holders() {
      return (await run(database, listHolders, params)).map(({ holder }) => holder)
    },
    async freeAbandoned() {
      const [row] = await run(database, freeAbandoned, params)
      return row?.count ?? 0
    },
  }
}
