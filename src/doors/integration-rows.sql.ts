import type { Integration } from '../domain/integration.ts'
import type { IntegrationCredential, StoredIntegration } from './integration.store.ts'

/** An integration as its table holds it. */
export type IntegrationRow = Omit<Integration, 'lastError'> & {
  readonly lastErrorCode: string | null
  readonly lastErrorAt: Date | null
}

export type CredentialRow = {
  readonly id: IntegrationCredential['id']
  readonly expiresAt: Date | null
  readonly secretHash: Buffer | null
  readonly secretSealed: Buffer | null
}

/** The same with its relying party. */
export type StoredRow = IntegrationRow & {
  readonly rpName: string
  readonly namespaces: string[]
  readonly rpCreatedAt: Date
}

/** Of `integrations n`. */
export const integrationColumns = `n.tenant_id, n.id, n.rp_id, n.name, n.settings, n.number_mode,
  n.namespace, n.user_names, n.allowed_addresses, n.policy, n.ttl_seconds, n.status,
  n.integration_key, n.revision, n.created_at, n.updated_at, n.uses, n.last_used_at,
  n.last_error_code, n.last_error_at`

/** The same with those of `relying_parties r`. */
export const storedColumns = `${integrationColumns}, r.name as rp_name, r.namespaces,
  r.created_at as rp_created_at`

/** An integration from its row. */
export function toIntegration({
  lastErrorCode: code,
  lastErrorAt: at,
  ...row
}: IntegrationRow): Integration {
  return { ...row, lastError: code === null || at === null ? null : { code, at } }
}

function toCredential({
  id,
  expiresAt,
  secretHash,
  secretSealed,
}: CredentialRow): IntegrationCredential {
  if (secretHash !== null) return { id, expiresAt, secretHash }
  if (secretSealed !== null) return { id, expiresAt, secretSealed }
  throw new Error(`credential ${id} holds no secret`)
}

/** What authenticating a client needs, from the row and those of the credentials. */
export function toStored(
  { rpName: name, namespaces, rpCreatedAt: createdAt, ...row }: StoredRow,
  credentials: CredentialRow[],
): StoredIntegration {
  const { tenantId, rpId: id } = row
  return {
    integration: toIntegration(row),
    relyingParty: { tenantId, id, name, namespaces, createdAt },
    credentials: credentials.map(toCredential),
  }
}
