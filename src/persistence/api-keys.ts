import type { Actor } from '../domain/activity.ts'
import { mayRotate, successorExpiry } from '../domain/api-key.ts'
import type { Id } from '../domain/ids.ts'
import type { ApiKey, ApiKeyStore, NewApiKey, StoredCredential } from '../ports/directory-store.ts'
import type { Random } from '../ports/world.ts'
import { recordAudit } from './activities.ts'
import type { Database, Queries } from './database.ts'

type KeyRow = {
  readonly tenant_id: ApiKey['tenantId']
  readonly id: ApiKey['id']
  readonly rp_id: ApiKey['rpId']
  readonly name: string
  readonly scopes: ApiKey['scopes']
  readonly lineage_id: ApiKey['lineageId']
  readonly allowed_addresses: string[]
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

const columns = `k.tenant_id, k.id, k.rp_id, k.name, k.scopes, k.lineage_id, k.allowed_addresses,
  k.created_at, k.expires_at, k.revoked_at, k.last_used_at`

const findCredential = `
  select ${columns}, k.secret_hash, r.name as rp_name, r.namespaces, r.created_at as rp_created_at
  from api_keys k join relying_parties r on r.tenant_id = k.tenant_id and r.id = k.rp_id
  where k.id = $1`

const insertKey = `
  insert into api_keys as k (tenant_id, id, rp_id, name, secret_hash, scopes, expires_at,
    allowed_addresses, lineage_id)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning ${columns}`

// The lineage is locked by its first row, which every rotation of it locks before it reads
// anything.
const lockLineage = `
  select first.id from api_keys k
  join api_keys first on first.tenant_id = k.tenant_id and first.id = k.lineage_id
  where k.tenant_id = $1 and k.id = $2 for no key update of first`

const listLineage = `
  select ${columns}, clock_timestamp() as now from api_keys k
  where k.tenant_id = $1 and k.lineage_id = $2 order by k.id for no key update`

const limitKey = `
  update api_keys k set expires_at = least(k.expires_at,
    clock_timestamp() + make_interval(secs => $3))
  where k.tenant_id = $1 and k.id = $2 returning ${columns}`

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
    lineageId: row.lineage_id,
    allowedAddresses: row.allowed_addresses,
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

async function insert(
  tx: Queries,
  key: Omit<ApiKey, 'createdAt' | 'revokedAt' | 'lastUsedAt'>,
  secretHash: Uint8Array,
): Promise<ApiKey> {
  const { tenantId, id, rpId, name, scopes, expiresAt, allowedAddresses, lineageId } = key
  const own = [tenantId, id, rpId, name, secretHash, scopes, expiresAt]
  const values = [...own, allowedAddresses, lineageId]
  const [row] = await tx.query<KeyRow>('insert_api_key', insertKey, values)
  if (!row) throw new Error('an insert returns its row')
  return toApiKey(row)
}

/** Creates a key, the first of its lineage, and records it. */
export async function insertApiKey(
  tx: Queries,
  random: Pick<Random, 'id'>,
  key: NewApiKey,
  secretHash: Uint8Array,
  actor: Actor,
): Promise<ApiKey> {
  const apiKey = await insert(tx, { ...key, lineageId: key.id }, secretHash)
  const { tenantId, id, name, rpId, scopes, allowedAddresses } = key
  const details = {
    name,
    relyingParty: rpId,
    scopes: scopes.join(' '),
    ...(allowedAddresses.length > 0 && { allowedAddresses: allowedAddresses.join(' ') }),
  }
  const event = { type: 'api_key_created', actor, subject: id, details } as const
  await recordAudit(tx, random, tenantId, event)
  return apiKey
}

/** API keys; only the hash of a secret is ever stored. */
export function buildApiKeyStore(database: Database, random: Pick<Random, 'id'>): ApiKeyStore {
  return {
    create(key, secretHash, actor) {
      return database.transaction((tx) => insertApiKey(tx, random, key, secretHash, actor))
    },

    rotate({ tenantId, id, successorId, overlapSeconds, expiresAt }, secretHash, actor) {
      return database.transaction(async (tx) => {
        const [first] = await tx.query<{ id: string }>('lock_lineage', lockLineage, [tenantId, id])
        const rows = await tx.query<KeyRow & { now: Date }>('list_lineage', listLineage, [
          tenantId,
          first?.id ?? null,
        ])
        const row = rows.find((one) => one.id === id)
        if (!row) return null
        const old = toApiKey(row)
        const fault = mayRotate(old, rows.map(toApiKey), row.now)
        if (fault) return fault
        const ends = expiresAt === undefined ? successorExpiry(old, row.now) : expiresAt
        const key = await insert(tx, { ...old, id: successorId, expiresAt: ends }, secretHash)
        const [limitedRow] = await tx.query<KeyRow>('limit_api_key', limitKey, [
          tenantId,
          id,
          overlapSeconds,
        ])
        if (!limitedRow) throw new Error('the key is locked and cannot vanish')
        const details = { successor: successorId, overlapSeconds }
        const event = { type: 'api_key_rotated', actor, subject: id, details } as const
        await recordAudit(tx, random, tenantId, event)
        return { key, previous: toApiKey(limitedRow) }
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
        const [revokedRow] = await tx.query<KeyRow>('revoke_api_key', revokeKey, [tenantId, id])
        if (revokedRow) {
          const event = { type: 'api_key_revoked', actor, subject: id } as const
          await recordAudit(tx, random, tenantId, event)
          return toApiKey(revokedRow)
        }
        const [keyRow] = await tx.query<KeyRow>('find_api_key', findKey, [tenantId, id])
        return keyRow ? toApiKey(keyRow) : null
      })
    },

    async touch(keys) {
      await database.query('touch_api_keys', touchKeys, [
        keys.map(({ tenantId }) => tenantId),
        keys.map(({ id }) => id),
      ])
    },
  }
}
