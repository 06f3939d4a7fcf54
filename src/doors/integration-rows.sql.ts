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
