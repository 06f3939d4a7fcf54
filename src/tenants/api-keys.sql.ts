import type { Actor } from '../domain/activity.ts'
import { mayRotate, successorExpiry } from '../domain/api-key.ts'
import type { TenantId } from '../domain/ids.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import type { Lanes } from '../platform/postgres/lane.ts'
import { recordAudit } from '../platform/postgres/record.ts'
import { type ListParams, rowList } from '../platform/postgres/row-list.ts'
import { run, runOne, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import type { ApiKey, ApiKeyStore, NewApiKey, StoredCredential } from './directory.store.ts'

type CredentialRow = ApiKey & {
  readonly n: number
  readonly secretHash: Buffer
  readonly rpName: string
  readonly namespaces: string[]
  readonly rpCreatedAt: Date
}

const columns = `k.tenant_id, k.id, k.rp_id, k.name, k.scopes, k.lineage_id, k.allowed_addresses,
  k.created_at, k.expires_at, k.revoked_at, k.last_used_at`

/** A key of a tenant. */
type KeyParams = Pick<ApiKey, 'tenantId' | 'id'>

const credentialItems = rowList<'item', Pick<ApiKey, 'id'>>('item', { id: 'text' })

const findCredentials = statement<ListParams<'item', Pick<ApiKey, 'id'>>, CredentialRow>(
  'find_credentials',
  `select x.n::int as n, ${columns}, k.secret_hash, r.name as rp_name, r.namespaces,
    r.created_at as rp_created_at
  from ${credentialItems.as('x')}
  cross join lateral (select * from api_keys k where k.id = x.id offset 0) k
  cross join lateral (
    select * from relying_parties r where r.tenant_id = k.tenant_id and r.id = k.rp_id offset 0
  ) r`,
)

const insertKey = statement<
  Omit<ApiKey, 'createdAt' | 'revokedAt' | 'lastUsedAt'> & { readonly secretHash: Uint8Array },
  ApiKey
>(
  'insert_api_key',
  `insert into api_keys as k (tenant_id, id, rp_id, name, secret_hash, scopes, expires_at,
    allowed_addresses, lineage_id)
  values (:tenantId, :id, :rpId, :name, :secretHash, :scopes, :expiresAt, :allowedAddresses,
    :lineageId)
  returning ${columns}`,
)

// The lineage is locked by its first row, which every rotation of it locks before it reads
// anything.
const lockLineage = statement<KeyParams, { readonly id: ApiKey['id'] }>(
  'lock_lineage',
  `select first.id from api_keys k
  join api_keys first on first.tenant_id = k.tenant_id and first.id = k.lineage_id
  where k.tenant_id = :tenantId and k.id = :id for no key update of first`,
)

const listLineage = statement<
  { readonly tenantId: TenantId; readonly lineageId: ApiKey['lineageId'] | null },
  ApiKey & { readonly now: Date }
>(
  'list_lineage',
  `select ${columns}, clock_timestamp() as now from api_keys k
  where k.tenant_id = :tenantId and k.lineage_id = :lineageId order by k.id for no key update`,
)

const limitKey = statement<KeyParams & { readonly overlapSeconds: number }, ApiKey>(
  'limit_api_key',
  `update api_keys k set expires_at = least(k.expires_at,
    clock_timestamp() + make_interval(secs => :overlapSeconds))
  where k.tenant_id = :tenantId and k.id = :id returning ${columns}`,
)

const listKeys = statement<{ readonly tenantId: TenantId }, ApiKey>(
  'list_api_keys',
  `select ${columns} from api_keys k where k.tenant_id = :tenantId order by k.id desc`,
)

const revokeKey = statement<KeyParams, ApiKey>(
  'revoke_api_key',
  `update api_keys k set revoked_at = clock_timestamp()
  where k.tenant_id = :tenantId and k.id = :id and k.revoked_at is null returning ${columns}`,
)

const findKey = statement<KeyParams, ApiKey>(
  'find_api_key',
  `select ${columns} from api_keys k where k.tenant_id = :tenantId and k.id = :id`,
)

const touchKeys = statement<{
  readonly tenantIds: readonly TenantId[]
  readonly ids: readonly ApiKey['id'][]
}>(
  'touch_api_keys',
  `update api_keys k set last_used_at = clock_timestamp()
  from unnest(:tenantIds::text[], :ids::text[]) as x(tenant_id, id)
  where k.tenant_id = x.tenant_id and k.id = x.id`,
)

function toCredential(row: CredentialRow): StoredCredential {
  const { n: _, secretHash, rpName: name, namespaces, rpCreatedAt: createdAt, ...key } = row
  const { tenantId, rpId: id } = key
  return { key, secretHash, relyingParty: { tenantId, id, name, namespaces, createdAt } }
}

async function insert(
  tx: Queries,
  key: Omit<ApiKey, 'createdAt' | 'revokedAt' | 'lastUsedAt'>,
  secretHash: Uint8Array,
): Promise<ApiKey> {
  const row = await runOne(tx, insertKey, { ...key, secretHash })
  return row
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
export function buildApiKeyStore(
  database: Database,
  random: Pick<Random, 'id'>,
  lanes: Lanes,
): ApiKeyStore {
  // A line for each key: made-up ones keep none waiting that exists.
  const credentialLane = lanes.openReads(database.reserved, {
    name: 'find_credential',
    lineOf: ({ id }: Pick<ApiKey, 'id'>) => id,
    statement: findCredentials,
    items: credentialItems,
  })
  return {
    create(key, secretHash, actor) {
      return database.transaction((tx) => insertApiKey(tx, random, key, secretHash, actor))
    },

    rotate({ tenantId, id, successorId, overlapSeconds, expiresAt }, secretHash, actor) {
      return database.transaction(async (tx) => {
        const [first] = await run(tx, lockLineage, { tenantId, id })
        const lineage = await run(tx, listLineage, { tenantId, lineageId: first?.id ?? null })
        const old = lineage.find((one) => one.id === id)
        if (!old) return null
        const fault = mayRotate(old, lineage, old.now)
        if (fault) return fault
        const ends = expiresAt === undefined ? successorExpiry(old, old.now) : expiresAt
        const key = await insert(tx, { ...old, id: successorId, expiresAt: ends }, secretHash)
        const previous = await runOne(tx, limitKey, { tenantId, id, overlapSeconds })
        const details = { successor: successorId, overlapSeconds }
        const event = { type: 'api_key_rotated', actor, subject: id, details } as const
        await recordAudit(tx, random, tenantId, event)
        return { key, previous }
      })
    },

    async findCredential(id) {
      const row = await credentialLane({ id })
      return row ? toCredential(row) : null
    },

    list: (tenantId) => run(database, listKeys, { tenantId }),

    revoke(tenantId, id, actor) {
      return database.transaction(async (tx) => {
        const [revokedKey] = await run(tx, revokeKey, { tenantId, id })
        if (revokedKey) {
          const event = { type: 'api_key_revoked', actor, subject: id } as const
          await recordAudit(tx, random, tenantId, event)
          return revokedKey
        }
        const [key] = await run(tx, findKey, { tenantId, id })
        return key ?? null
      })
    },

    async touch(keys) {
      await run(database, touchKeys, {
        tenantIds: keys.map(({ tenantId }) => tenantId),
        ids: keys.map(({ id }) => id),
      })
    },
  }
}
