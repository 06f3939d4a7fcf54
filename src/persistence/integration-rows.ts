import type { Integration } from '../domain/integration.ts'
import type { IntegrationCredential, StoredIntegration } from '../ports/integration-store.ts'

/** An integration as its table holds it. */
export type IntegrationRow = {
  readonly tenant_id: Integration['tenantId']
  readonly id: Integration['id']
  readonly rp_id: Integration['rpId']
  readonly name: string
  readonly settings: Integration['settings']
  readonly number_mode: Integration['numberMode']
  readonly namespace: string
  readonly user_names: Integration['userNames']
  readonly allowed_addresses: string[]
  readonly policy: Integration['policy']
  readonly ttl_seconds: number | null
  readonly status: Integration['status']
  readonly integration_key: string | null
  readonly revision: number
  readonly created_at: Date
  readonly updated_at: Date
  readonly uses: number
  readonly last_used_at: Date | null
  readonly last_error_code: string | null
  readonly last_error_at: Date | null
}

export type CredentialRow = {
  readonly id: IntegrationCredential['id']
  readonly expires_at: Date | null
  readonly secret_hash: Buffer | null
  readonly secret_sealed: Buffer | null
}

/** The same with its relying party. */
export type StoredRow = IntegrationRow & {
  readonly rp_name: string
  readonly namespaces: string[]
  readonly rp_created_at: Date
}

/** An integration from its row. */
export function toIntegration(row: IntegrationRow): Integration {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    rpId: row.rp_id,
    name: row.name,
    settings: row.settings,
    numberMode: row.number_mode,
    namespace: row.namespace,
    userNames: row.user_names,
    allowedAddresses: row.allowed_addresses,
    policy: row.policy,
    ttlSeconds: row.ttl_seconds,
    status: row.status,
    integrationKey: row.integration_key,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    uses: row.uses,
    lastUsedAt: row.last_used_at,
    lastError:
      row.last_error_code === null || row.last_error_at === null
        ? null
        : { code: row.last_error_code, at: row.last_error_at },
  }
}

function toCredential(row: CredentialRow): IntegrationCredential {
  const { id, expires_at: expiresAt, secret_hash: hash, secret_sealed: sealedSecret } = row
  if (hash !== null) return { id, expiresAt, secretHash: hash }
  if (sealedSecret !== null) return { id, expiresAt, secretSealed: sealedSecret }
  throw new Error(`credential ${id} holds no secret`)
}

/** What authenticating a client needs, from the row and those of the credentials. */
export const toStored = (row: StoredRow, credentials: CredentialRow[]): StoredIntegration => ({
  integration: toIntegration(row),
  relyingParty: {
    tenantId: row.tenant_id,
    id: row.rp_id,
    name: row.rp_name,
    namespaces: row.namespaces,
    createdAt: row.rp_created_at,
  },
  credentials: credentials.map(toCredential),
})
