import type { TenantId } from '../domain/ids.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { SharedReads } from '../platform/shared-reads.ts'
import type { SigningKeyStore, StoredSigningKey } from './directory.store.ts'

export type Dependencies = {
  readonly keys: Pick<SigningKeyStore, 'list'>
  readonly sharedReads: SharedReads
}

/** All public keys a tenant ever signed with, newest first: a receipt must verify for years. */
export async function readPublicKeys(
  { keys, sharedReads }: Dependencies,
  tenantId: TenantId,
): Promise<readonly StoredSigningKey[] | Refusal<'not_found'>> {
  const signingKeys = await sharedReads(`signing keys ${tenantId}`, () => keys.list(tenantId))
  return signingKeys.length === 0 ? refuse('not_found') : signingKeys
}
