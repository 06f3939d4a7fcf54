import type { DueCallback, KeycloakCallbackStore } from '../ports/keycloak-callback-store.ts'
import type { Database } from './database.ts'

// Only these statements ask for a token that is left, so that the planner offers no other statement
// the index over the pending callbacks of all realms.
const hasToken = (k: string) => `${k}.token_sealed is not null`

/** Longer than any attempt takes. */
const lostSeconds = 60

const enqueue = `
  insert into keycloak_callbacks (tenant_id, challenge_id, integration_id, issuer, token_sealed,
    due_at)
  values ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(secs => $6::float8 / 1000))
  on conflict do nothing`

// Each realm has slots of its own, and so has each tenant, whose realms together could take all
// slots. Callbacks of full realms are skipped before their challenges are read: a silent realm may
// have many pending. No tenant takes more slots than are then left free (dynamic thresholds), so
// that some stay for tenants that hold none.
const take = `
  with load as materialized (
    select * from unnest($2::text[], $3::text[], $4::int[]) as l(tenant_id, issuer, in_flight)
  ), candidates as (
    select k.tenant_id, k.challenge_id, k.due_at, coalesce(load.in_flight, 0)
      + row_number() over (partition by k.tenant_id, k.issuer order by k.due_at) as place
    from keycloak_callbacks k
    left join load on load.tenant_id = k.tenant_id and load.issuer = k.issuer
    join challenges c on c.tenant_id = k.tenant_id and c.id = k.challenge_id
    where k.status = 'owed' and ${hasToken('k')} and k.due_at <= statement_timestamp()
      and c.status <> 'pending'
      and coalesce(load.in_flight, 0) < $5::int
  ), slots as (
    select candidates.*, coalesce(busy.in_flight, 0)
      + row_number() over (partition by candidates.tenant_id
        order by candidates.place, candidates.due_at) as slot
    from candidates
    left join (select tenant_id, sum(in_flight)::int as in_flight from load group by tenant_id) busy
      on busy.tenant_id = candidates.tenant_id
    where candidates.place <= $5::int
  ), ranking as (
    select slots.*, row_number() over (order by slot, due_at) as rank
    from slots where slot <= $6::int
  ), selection as materialized (
    select * from ranking where slot + rank <= $1::int + 1
  ), due as materialized (
    select k.tenant_id, k.challenge_id, c.status as challenge_status, c.reason as challenge_reason,
      n.status as integration_status, n.settings
    from selection
    join keycloak_callbacks k
      on k.tenant_id = selection.tenant_id and k.challenge_id = selection.challenge_id
    join challenges c on c.tenant_id = k.tenant_id and c.id = k.challenge_id
    join integrations n on n.tenant_id = k.tenant_id and n.id = k.integration_id
    where k.status = 'owed' and k.due_at <= clock_timestamp()
    for update of k skip locked
  )
  update keycloak_callbacks k
  set status = 'trying', tried_at = clock_timestamp(), tried_by = $7,
    first_tried_at = coalesce(k.first_tried_at, clock_timestamp())
  from due where k.tenant_id = due.tenant_id and k.challenge_id = due.challenge_id
  returning k.tenant_id, k.challenge_id, k.integration_id, k.issuer, k.token_sealed,
    k.first_tried_at,
    clock_timestamp() as now, due.challenge_status, due.challenge_reason, due.integration_status,
    due.settings`

const postpone = `
  update keycloak_callbacks set status = 'owed',
    due_at = clock_timestamp() + make_interval(secs => $3::float8 / 1000)
  where tenant_id = $1 and challenge_id = $2 and status = 'trying'`

const settle = `
  update keycloak_callbacks set status = 'settled', reason = $3, token_sealed = null
  where tenant_id = $1 and challenge_id = $2 and status = 'trying'`

const giveUpLost = `
  update keycloak_callbacks k set status = 'settled', reason = 'lost', token_sealed = null
  where status = 'trying' and ${hasToken('k')}
    and tried_at < clock_timestamp() - make_interval(secs => ${lostSeconds})
  returning challenge_id`

type DueRow = {
  readonly tenant_id: DueCallback['tenantId']
  readonly challenge_id: DueCallback['challengeId']
  readonly integration_id: DueCallback['integration']['id']
  readonly issuer: string
  readonly token_sealed: Buffer
  readonly first_tried_at: Date
  readonly now: Date
  readonly challenge_status: DueCallback['challenge']['status']
  readonly challenge_reason: DueCallback['challenge']['reason']
  readonly integration_status: DueCallback['integration']['status']
  readonly settings: DueCallback['integration']['settings']
}

/** The outbox of callbacks to realms. */
export function buildKeycloakCallbackStore(database: Database): KeycloakCallbackStore {
  return {
    async enqueue({ tenantId, challengeId, integrationId, issuer, tokenSealed, delayMs }) {
      const values = [tenantId, challengeId, integrationId, issuer, tokenSealed, delayMs]
      await database.query('owe_keycloak_callback', enqueue, values)
    },

    async take({ limit, perTenant, perRealm, loads, triedBy }) {
      const rows = await database.query<DueRow>('take_keycloak_callbacks', take, [
        limit,
        loads.map(({ tenantId }) => tenantId),
        loads.map(({ issuer }) => issuer),
        loads.map(({ inFlight }) => inFlight),
        perRealm,
        perTenant,
        triedBy,
      ])
      return rows.map((row) => ({
        tenantId: row.tenant_id,
        challengeId: row.challenge_id,
        issuer: row.issuer,
        tokenSealed: row.token_sealed,
        challenge: { status: row.challenge_status, reason: row.challenge_reason },
        integration: {
          id: row.integration_id,
          status: row.integration_status,
          settings: row.settings,
        },
        firstTriedAt: row.first_tried_at,
        now: row.now,
      }))
    },

    async postpone({ tenantId, challengeId }, afterMs) {
      const values = [tenantId, challengeId, afterMs]
      await database.query('postpone_keycloak_callback', postpone, values)
    },

    async settle({ tenantId, challengeId }, reason) {
      const values = [tenantId, challengeId, reason]
      await database.query('settle_keycloak_callback', settle, values)
    },

    async giveUpLost() {
      return (await database.query('give_up_keycloak_callbacks', giveUpLost, [])).length
    },
  }
}
