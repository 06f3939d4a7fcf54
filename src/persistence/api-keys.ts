import type { Id } from '../domain/ids.ts'
import type { ApiKey, ApiKeyStore, StoredCredential } from '../ports/directory-store.ts'
import type { Random } from '../ports/world.ts'
import { recordAudit } from './activities.ts'
import type { Database } from './database.ts'

type KeyRow = {
  readonly tenant_id: ApiKey['tenantId']
  readonly id: ApiKey['id']
  readonly rp_id: ApiKey['rpId']
  readonly name: string
  readonly scopes: ApiKey['scopes']
  readonly created_at: Date
  readonly expires_at: Date | null
  readonly revoked_at: Date | null
  readonly last_used_at: Date | null
}

type CredentialRow = KeyRow & {
  readonly secret_hash: Buffer
  readonly rp_name: string
  readonly namespaces: string[]
  readonly rp_created_at: Date
}

const columns = `k.tenant_id, k.id, k.rp_id, k.name, k.scopes, k.created_at, k.expires_at,
  k.revoked_at, k.last_used_at`

const findCredential = `
  select ${columns}, k.secret_hash, r.name as rp_name, r.namespaces, r.created_at as rp_created_at
  from api_keys k join relying_parties r on r.tenant_id = k.tenant_id and r.id = k.rp_id
  where k.id = $1`

const insertKey = `
  insert into api_keys as k (tenant_id, id, rp_id, name, secret_hash, scopes, expires_at)
  values ($1, $2, $3, $4, $5, $6, $7) returning ${columns}`

const listKeys = `select ${columns} from api_keys k where k.tenant_id = $1 order by k.id desc`

const revokeKey = `
  update api_keys k set revoked_at = clock_timestamp()
  where k.tenant_id = $1 and k.id = $2 and k.revoked_at is null returning ${columns}`

const findKey = `select ${columns} from api_keys k where k.tenant_id = $1 and k.id = $2`

const touchKeys = `
  update api_keys k set last_used_at = clock_timestamp()
  from unnest($1::text[], $2::text[]) as x(tenant_id, id)
  where k.tenant_id = x.tenant_id and k.id = x.id`

function toApiKey(row: KeyRow): ApiKey {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    rpId: row.rp_id,
    name: row.name,
    scopes: row.scopes,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  }
}

function toCredential(row: CredentialRow): StoredCredential {
  return {
    key: toApiKey(row),
    secretHash: row.secret_hash,
    relyingParty: {
      tenantId: row.tenant_id,
      id: row.rp_id,
      name: row.rp_name,
      namespaces: row.namespaces,
      createdAt: row.rp_created_at,
    },
  }
}

/** API keys; only the hash of a secret is ever stored. */
export function createApiKeyStore(database: Database, random: Pick<Random, 'id'>): ApiKeyStore {
  return {
    create(key, secretHash, actor) {
      return database.transaction(async (tx) => {
        const { tenantId, id, rpId, name, scopes, expiresAt } = key
        const values = [tenantId, id, rpId, name, secretHash, scopes, expiresAt]
        const [row] = await tx.query<KeyRow>('insert_api_key', insertKey, values)
        if (!row) throw new Error('an insert returns its row')
        const details = { name, relyingParty: rpId, scopes: scopes.join(' ') }
        const event = { type: 'api_key_created', actor, subject: id, details } as const
        await recordAudit(tx, random, tenantId, event)
        return toApiKey(row)
      })
    },

    async findCredential(id: Id<'apiKey'>) {
      const [row] = await database.query<CredentialRow>('find_credential', findCredential, [id])
      return row ? toCredential(row) : null
    },

    async list(tenantId) {
      const rows = await database.query<KeyRow>('list_api_keys', listKeys, [tenantId])
      return rows.map(toApiKey)
    },

    revoke(tenantId, id, actor) {
      return database.transaction(async (tx) => {
        const [revoked] = await tx.query<KeyRow>('revoke_api_key', revokeKey, [tenantId, id])
        if (revoked) {
          const event = { type: 'api_key_revoked', actor, subject: id } as const
          await recordAudit(tx, random, tenantId, event)
          return toApiKey(revoked)
        }
        const [known] = await tx.query<KeyRow>('find_api_key', findKey, [tenantId, id])
        return known ? toApiKey(known) : null
      })
    },

    async touch(used) {
      await database.query('touch_api_keys', touchKeys, [
        used.map(({ tenantId }) => tenantId),
        used.map(({ id }) => id),
      ])
    },
  }
}
