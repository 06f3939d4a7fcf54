import type { DeviceProof } from '../domain/device-proof.ts'
import type { TenantId } from '../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { SigningKeyStore, StoredSigningKey } from '../ports/directory-store.ts'
import type { ProofRefusal } from './authenticate-device.ts'
import {
  authenticateDevice,
  type Dependencies as DeviceDependencies,
} from './authenticate-device.ts'
import type { SharedReads } from './shared-reads.ts'

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

/** The signed links from the key set that a device holds to the newest, oldest first. */
export async function readKeySetLinks(
  dependencies: Dependencies & DeviceDependencies,
  proof: DeviceProof,
  afterSeq: number,
): Promise<readonly string[] | ProofRefusal> {
  const device = await authenticateDevice(dependencies, proof)
  if (isRefusal(device)) return device
  const signingKeys = await dependencies.keys.list(device.tenantId)
  return signingKeys
    .filter((key) => key.seq > afterSeq)
    .sort((a, b) => a.seq - b.seq)
    .flatMap((key) => key.linkJws ?? [])
}
