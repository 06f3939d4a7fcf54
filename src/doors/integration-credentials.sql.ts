// The credentials of integrations: created, limited by a rotation, dropped and ended.

import type { Integration } from '../domain/integration.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { recordAudit } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import type {
  EndedCredential,
  IntegrationCredential,
  IntegrationStore,
} from './integration.store.ts'
import type { CredentialRow } from './integration-rows.sql.ts'

type Key = Pick<Integration, 'tenantId' | 'id'>
type CredentialKey = Pick<Integration, 'tenantId'> & {
  readonly integrationId: Integration['id']
  readonly id: IntegrationCredential['id']
}
type IdRow = { readonly id: string }

export const listCredentials = statement<Key, CredentialRow>(
  'list_integration_credentials',
  `select c.id, c.expires_at, c.secret_hash, c.secret_sealed from integration_credentials c
   where c.tenant_id = :tenantId and c.integration_id = :id
     and (c.expires_at is null or c.expires_at > clock_timestamp())
   order by c.id`,
)

const insertCredential = statement<
  CredentialKey & {
    readonly secretHash: Uint8Array | null
    readonly secretSealed: Uint8Array | null
  }
>(
  'insert_integration_credential',
  `insert into integration_credentials (tenant_id, id, integration_id, secret_hash, secret_sealed)
   values (:tenantId, :id, :integrationId, :secretHash, :secretSealed)`,
)

export const limitCredentials = statement<
  Key & { readonly overlapSeconds: number },
  EndedCredential
>(
  'limit_integration_secrets',
  `update integration_credentials c set expires_at = least(c.expires_at,
     clock_timestamp() + make_interval(secs => :overlapSeconds))
   where c.tenant_id = :tenantId and c.integration_id = :id
   returning c.id, c.expires_at as ends_at`,
)

export const dropCredentials = statement<Key, EndedCredential>(
  'drop_integration_secrets',
  `delete from integration_credentials c
   where c.tenant_id = :tenantId and c.integration_id = :id
   returning c.id, least(c.expires_at, clock_timestamp()) as ends_at`,
)

// To the millisecond, as in the revocation log.
const endCredential = statement<CredentialKey & { readonly endsAt: Date }, IdRow>(
  'end_integration_credential',
  `update integration_credentials c set expires_at = :endsAt
   where c.tenant_id = :tenantId and c.integration_id = :integrationId and c.id = :id
     and (c.expires_at is null or date_trunc('milliseconds', c.expires_at) > :endsAt)
   returning c.id`,
)

const findCredential = statement<CredentialKey, IdRow>(
  'find_integration_credential',
  `select c.id from integration_credentials c
   where c.tenant_id = :tenantId and c.integration_id = :integrationId and c.id = :id`,
)

export async function createCredential(
  tx: Queries,
  { tenantId, id: integrationId }: Key,
  credential: IntegrationCredential,
): Promise<void> {
  await run(tx, insertCredential, {
    tenantId,
    integrationId,
    id: credential.id,
    secretHash: 'secretHash' in credential ? credential.secretHash : null,
    secretSealed: 'secretSealed' in credential ? credential.secretSealed : null,
  })
}

/** The end of one credential of an integration. */
export function buildCredentialEnding(
  database: Database,
  random: Pick<Random, 'id'>,
): Pick<IntegrationStore, 'endCredential'> {
  return {
    endCredential({ tenantId, integrationId, id, endsAt }, actor) {
      return database.transaction(async (tx) => {
        const key = { tenantId, integrationId, id }
        const [row] = await run(tx, endCredential, { ...key, endsAt })
        if (!row) {
          const [credentialRow] = await run(tx, findCredential, key)
          return credentialRow ? 'ended' : null
        }
        const details = { credential: id, endsAt: endsAt.toISOString() }
        const type = 'integration_credential_ended'
        await recordAudit(tx, random, tenantId, { type, actor, subject: integrationId, details })
        return 'done'
      })
    },
  }
}
