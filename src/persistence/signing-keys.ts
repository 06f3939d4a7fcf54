import type { TenantId } from '../domain/ids.ts'
import type { SigningKeyStore, StoredSigningKey } from '../ports/directory-store.ts'
import type { NewSigningKey, Random } from '../ports/world.ts'
import { recordAudit } from './activities.ts'
import type { Database, Queries } from './database.ts'

type KeyRow = {
  readonly kid: string
  readonly seq: number
  readonly status: StoredSigningKey['status']
  readonly public_jwk: StoredSigningKey['publicJwk']
  readonly link_jws: string | null
}

type SampleRow = {
  readonly tenant_id: TenantId
  readonly kid: string
  readonly private_sealed: Buffer
}

// Version and key id, with which every sealed value begins (outbound/sealing.ts).
const sealedMarkBytes = 5

/** A tenant's keys, newest first. */
export async function listSigningKeys(
  db: Queries,
  tenantId: TenantId,
): Promise<StoredSigningKey[]> {
  const rows = await db.query<KeyRow>(
    'list_signing_keys',
    `select kid, seq, status, public_jwk, link_jws from signing_keys
     where tenant_id = $1 order by seq desc`,
    [tenantId],
  )
  return rows.map(({ kid, seq, status, public_jwk: publicJwk, link_jws: linkJws }) => ({
    kid,
    seq,
    status,
    publicJwk,
    linkJws,
  }))
}

/** Adds a key as the active one. */
export async function insertSigningKey(
  tx: Queries,
  tenantId: TenantId,
  key: NewSigningKey & { readonly seq: number; readonly linkJws: string | null },
): Promise<void> {
  await tx.query(
    'insert_signing_key',
    `insert into signing_keys (tenant_id, kid, seq, status, public_jwk, private_sealed, link_jws)
     values ($1, $2, $3, 'active', $4, $5, $6)`,
    [tenantId, key.kid, key.seq, JSON.stringify(key.publicJwk), key.privateSealed, key.linkJws],
  )
}

/** Keys that sign in a tenant's name. */
export function buildSigningKeyStore(
  database: Database,
  random: Pick<Random, 'id'>,
): SigningKeyStore {
  return {
    list: (tenantId) => listSigningKeys(database, tenantId),

    async findPrivate(tenantId, kid) {
      const [row] = await database.query<{ private_sealed: Buffer }>(
        'find_private_key',
        'select private_sealed from signing_keys where tenant_id = $1 and kid = $2',
        [tenantId, kid],
      )
      return row?.private_sealed ?? null
    },

    async sampleActive() {
      const rows = await database.query<SampleRow>(
        'sample_signing_keys',
        `select distinct on (substring(private_sealed for ${sealedMarkBytes})) tenant_id, kid,
          private_sealed
         from signing_keys where status = 'active'
         order by substring(private_sealed for ${sealedMarkBytes}), tenant_id`,
        [],
      )
      return rows.map(({ tenant_id: tenantId, kid, private_sealed: privateSealed }) => ({
        tenantId,
        kid,
        privateSealed,
      }))
    },

    rotate(tenantId, next, actor) {
      return database.transaction(async (tx) => {
        const retiredRows = await tx.query(
          'retire_signing_key',
          `update signing_keys set status = 'retired'
           where tenant_id = $1 and status = 'active' and seq = $2 returning kid`,
          [tenantId, next.seq - 1],
        )
        if (retiredRows.length === 0) return false
        await insertSigningKey(tx, tenantId, next)
        const details = { seq: next.seq }
        await recordAudit(tx, random, tenantId, {
          type: 'signing_key_rotated',
          actor,
          subject: next.kid,
          details,
        })
        return true
      })
    },
  }
}
