import type { Database } from '../../platform/postgres/database.ts'
import { run, statement } from '../../platform/postgres/statement.ts'
import type { DueCallback, KeycloakCallbackStore } from './keycloak-callback.store.ts'

// Only these statements ask for a token that is left, so that the planner offers no other statement
// the index over the pending callbacks of all realms.
const hasToken = (k: string) => `${k}.token_sealed is not null`

/** Longer than any attempt takes. */
const lostSeconds = 60

type CallbackKey = Pick<DueCallback, 'tenantId' | 'challengeId'>

type DueRow = Omit<DueCallback, 'challenge' | 'integration'> & {
  readonly integrationId: DueCallback['integration']['id']
  readonly challengeStatus: DueCallback['challenge']['status']
  readonly challengeReason: DueCallback['challenge']['reason']
  readonly integrationStatus: DueCallback['integration']['status']
  readonly settings: DueCallback['integration']['settings']
}

const enqueue = statement<Parameters<KeycloakCallbackStore['enqueue']>[0]>(
  'enqueue_keycloak_callback',
  `insert into keycloak_callbacks (tenant_id, challenge_id, integration_id, issuer, token_sealed,
     due_at)
   values (:tenantId, :challengeId, :integrationId, :issuer, :tokenSealed,
     clock_timestamp() + make_interval(secs => :delayMs::float8 / 1000))
   on conflict do nothing`,
)

// Each realm has slots of its own, and so has each tenant, whose realms together could take all
// slots. Callbacks of full realms are skipped before their challenges are read: a silent realm may
// have many pending. No tenant takes more slots than are then left free (dynamic thresholds), so
// that some stay for tenants that hold none.
const takeDue = statement<
  {
    readonly limit: number
    readonly tenantIds: readonly DueCallback['tenantId'][]
    readonly issuers: readonly string[]
    readonly inFlight: readonly number[]
    readonly perRealm: number
    readonly perTenant: number
    readonly triedBy: string
  },
  DueRow
>(
  'take_keycloak_callbacks',
  `with load as materialized (
    select * from unnest(:tenantIds::text[], :issuers::text[], :inFlight::int[])
      as l(tenant_id, issuer, in_flight)
  ), candidates as (
    select k.tenant_id, k.challenge_id, k.due_at, coalesce(load.in_flight, 0)
      + row_number() over (partition by k.tenant_id, k.issuer order by k.due_at) as place
    from keycloak_callbacks k
    left join load on load.tenant_id = k.tenant_id and load.issuer = k.issuer
    join challenges c on c.tenant_id = k.tenant_id and c.id = k.challenge_id
    where k.status = 'owed' and ${hasToken('k')} and k.due_at <= statement_timestamp()
      and c.status <> 'pending'
      and coalesce(load.in_flight, 0) < :perRealm::int
  ), slots as (
    select candidates.*, coalesce(busy.in_flight, 0)
      + row_number() over (partition by candidates.tenant_id
        order by candidates.place, candidates.due_at) as slot
    from candidates
    left join (select tenant_id, sum(in_flight)::int as in_flight from load group by tenant_id) busy
      on busy.tenant_id = candidates.tenant_id
    where candidates.place <= :perRealm::int
  ), ranking as (
    select slots.*, row_number() over (order by slot, due_at) as rank
    from slots where slot <= :perTenant::int
  ), selection as materialized (
    select * from ranking where slot + rank <= :limit::int + 1
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
  set status = 'trying', tried_at = clock_timestamp(), tried_by = :triedBy,
    first_tried_at = coalesce(k.first_tried_at, clock_timestamp())
  from due where k.tenant_id = due.tenant_id and k.challenge_id = due.challenge_id
  returning k.tenant_id, k.challenge_id, k.integration_id, k.issuer, k.token_sealed,
    k.first_tried_at, clock_timestamp() as now, due.challenge_status, due.challenge_reason,
    due.integration_status, due.settings`,
)

const postpone = statement<CallbackKey & { readonly afterMs: number }>(
  'postpone_keycloak_callback',
  `update keycloak_callbacks set status = 'owed',
     due_at = clock_timestamp() + make_interval(secs => :afterMs::float8 / 1000)
   where tenant_id = :tenantId and challenge_id = :challengeId and status = 'trying'`,
)

const settle = statement<CallbackKey & { readonly reason: string | null }>(
  'settle_keycloak_callback',
  `update keycloak_callbacks set status = 'settled', reason = :reason, token_sealed = null
   where tenant_id = :tenantId and challenge_id = :challengeId and status = 'trying'`,
)

const giveUpLost = statement<object, { readonly challengeId: DueCallback['challengeId'] }>(
  'give_up_keycloak_callbacks',
  `update keycloak_callbacks k set status = 'settled', reason = 'lost', token_sealed = null
   where status = 'trying' and ${hasToken('k')}
     and tried_at < clock_timestamp() - make_interval(secs => ${lostSeconds})
   returning challenge_id`,
)

/** The outbox of callbacks to realms. */
export function buildKeycloakCallbackStore(database: Database): KeycloakCallbackStore {
  return {
    async enqueue(callback) {
      await run(database, enqueue, callback)
    },

    async take({ limit, perTenant, perRealm, loads, triedBy }) {
      const rows = await run(database, takeDue, {
        ...{ limit, perTenant, perRealm, triedBy },
        tenantIds: loads.map(({ tenantId }) => tenantId),
        issuers: loads.map(({ issuer }) => issuer),
        inFlight: loads.map(({ inFlight }) => inFlight),
      })
      return rows.map(
        ({
          challengeStatus,
          challengeReason,
          integrationId,
          integrationStatus,
          settings,
          ...due
        }) => ({
          ...due,
          challenge: { status: challengeStatus, reason: challengeReason },
          integration: { id: integrationId, status: integrationStatus, settings },
        }),
      )
    },

    async postpone({ tenantId, challengeId }, afterMs) {
      await run(database, postpone, { tenantId, challengeId, afterMs })
    },

    async settle({ tenantId, challengeId }, reason) {
      await run(database, settle, { tenantId, challengeId, reason })
    },

    async giveUpLost() {
      return (await run(database, giveUpLost, {})).length
    },
  }
}
