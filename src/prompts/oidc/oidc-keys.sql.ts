import type { TenantId } from '../../domain/ids.ts'
import type { Database, Queries } from '../../platform/postgres/database.ts'
import { recordAudit } from '../../platform/postgres/record.ts'
import { run, runOne, statement } from '../../platform/postgres/statement.ts'
import type { Random } from '../../platform/world.ts'
import type { NewOidcKey, OidcKeyStore, StoredOidcKey } from './oidc-key.store.ts'

type ByTenant = { readonly tenantId: TenantId }

const listKeys = statement<ByTenant, StoredOidcKey & { readonly now: Date }>(
  'list_oidc_keys',
  `select kid, alg, public_jwk, certificate, private_sealed, created_at, signs_from,
     clock_timestamp() as now
   from oidc_keys where tenant_id = :tenantId order by signs_from desc, alg`,
)

// A caller that adds keys waits here for another one.
const lockTenant = statement<ByTenant, { readonly now: Date }>(
  'lock_tenant_for_oidc_keys',
  `select clock_timestamp() as now from tenants where tenant_id = :tenantId for no key update`,
)

const insertKey = statement<
  ByTenant &
    Omit<NewOidcKey, 'publicJwk'> & { readonly publicJwk: string; readonly afterSeconds: number }
>(
  'insert_oidc_key',
  `insert into oidc_keys (tenant_id, kid, alg, public_jwk, certificate, private_sealed, signs_from)
   values (:tenantId, :kid, :alg, :publicJwk::jsonb, :certificate, :privateSealed,
     clock_timestamp() + make_interval(secs => :afterSeconds))`,
)

const countKeys = statement<ByTenant, { readonly all: number; readonly waiting: number }>(
  'count_oidc_keys',
  `select count(*)::int as all, count(*) filter (where signs_from > clock_timestamp())::int
     as waiting
   from oidc_keys where tenant_id = :tenantId`,
)

/** Keys that sign ID tokens. */
export function buildOidcKeyStore(database: Database, random: Pick<Random, 'id'>): OidcKeyStore {
  async function insert(
    tx: Queries,
    tenantId: TenantId,
    keys: readonly NewOidcKey[],
    afterSeconds: number,
  ) {
    for (const key of keys) {
      const publicJwk = JSON.stringify(key.publicJwk)
      await run(tx, insertKey, { ...key, tenantId, publicJwk, afterSeconds })
    }
  }

  return {
    async list(tenantId) {
      const rows = await run(database, listKeys, { tenantId })
      const now = rows[0]?.now ?? new Date(0)
      return { keys: rows.map(({ now: _, ...key }) => key), now }
    },

    addFirst: (tenantId, keys, actor) =>
      database.transaction(async (tx) => {
        await runOne(tx, lockTenant, { tenantId })
        const { all } = await runOne(tx, countKeys, { tenantId })
        if (all > 0) return
        await insert(tx, tenantId, keys, 0)
        const details = { kids: keys.map(({ kid }) => kid) }
        const subject = tenantId
        await recordAudit(tx, random, tenantId, {
          type: 'oidc_keys_created',
          actor,
          subject,
          details,
        })
      }),

    rotate: (tenantId, keys, afterSeconds, actor) =>
      database.transaction(async (tx) => {
        await runOne(tx, lockTenant, { tenantId })
        const { waiting } = await runOne(tx, countKeys, { tenantId })
        if (waiting > 0) return 'changed'
        await insert(tx, tenantId, keys, afterSeconds)
        const details = { kids: keys.map(({ kid }) => kid) }
        const subject = tenantId
        await recordAudit(tx, random, tenantId, {
          type: 'oidc_keys_rotated',
          actor,
          subject,
          details,
        })
        return 'done'
      }),
  }
}
