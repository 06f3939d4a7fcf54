import type { TenantId } from '../domain/ids.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { recordAudit } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { NewSigningKey, Random } from '../platform/world.ts'
import type { SigningKeyStore, StoredSigningKey } from './directory.store.ts'

// Version and key id, with which every sealed value begins (outbound/sealing.ts).
const sealedMarkBytes = 5

type ByTenant = { readonly tenantId: TenantId }
type NewKey = NewSigningKey & { readonly seq: number; readonly linkJws: string | null }
type PrivateKeyRow = { readonly privateSealed: Buffer }

const listKeys = statement<ByTenant, StoredSigningKey>(
  'list_signing_keys',
  `select kid, seq, status, public_jwk, link_jws from signing_keys
   where tenant_id = :tenantId order by seq desc`,
)

const insertKey = statement<ByTenant & Omit<NewKey, 'publicJwk'> & { readonly publicJwk: string }>(
  'insert_signing_key',
  `insert into signing_keys (tenant_id, kid, seq, status, public_jwk, private_sealed, link_jws)
   values (:tenantId, :kid, :seq, 'active', :publicJwk, :privateSealed, :linkJws)`,
)

const findPrivateKey = statement<ByTenant & { readonly kid: string }, PrivateKeyRow>(
  'find_private_key',
  'select private_sealed from signing_keys where tenant_id = :tenantId and kid = :kid',
)

const sampleKeys = statement<object, ByTenant & { readonly kid: string } & PrivateKeyRow>(
  'sample_signing_keys',
  `select distinct on (substring(private_sealed for ${sealedMarkBytes})) tenant_id, kid,
     private_sealed
   from signing_keys where status = 'active'
   order by substring(private_sealed for ${sealedMarkBytes}), tenant_id`,
)

const retireKey = statement<ByTenant & { readonly seq: number }, { readonly kid: string }>(
  'retire_signing_key',
  `update signing_keys set status = 'retired'
   where tenant_id = :tenantId and status = 'active' and seq = :seq returning kid`,
)

/** A tenant's keys, newest first. */
export function listSigningKeys(db: Queries, tenantId: TenantId): Promise<StoredSigningKey[]> {
  return run(db, listKeys, { tenantId })
}

/** Adds a key as the active one. */
export async function insertSigningKey(
  tx: Queries,
  tenantId: TenantId,
  key: NewKey,
): Promise<void> {
  await run(tx, insertKey, { ...key, tenantId, publicJwk: JSON.stringify(key.publicJwk) })
}

/** Keys that sign in a tenant's name. */
export function buildSigningKeyStore(
  database: Database,
  random: Pick<Random, 'id'>,
): SigningKeyStore {
  return {
    list: (tenantId) => listSigningKeys(database, tenantId),

    async findPrivate(tenantId, kid) {
      const [row] = await run(database, findPrivateKey, { tenantId, kid })
      return row?.privateSealed ?? null
    },

    sampleActive: () => run(database, sampleKeys, {}),

    rotate(tenantId, next, actor) {
      return database.transaction(async (tx) => {
        const retiredRows = await run(tx, retireKey, { tenantId, seq: next.seq - 1 })
        if (retiredRows.length === 0) return 'changed'
        await insertSigningKey(tx, tenantId, next)
        const details = { seq: next.seq }
        await recordAudit(tx, random, tenantId, {
          type: 'signing_key_rotated',
          actor,
          subject: next.kid,
          details,
        })
        return 'done'
      })
    },
  }
}
