import type { DeviceProof } from '../domain/device-proof.ts'
import type { TenantId } from '../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { SigningKeyStore, StoredSigningKey } from '../ports/directory-store.ts'
import { authenticateDevice, type Needs as DeviceNeeds } from './authenticate-device.ts'
import type { SharedReads } from './shared-reads.ts'

export type Needs = {
  readonly keys: Pick<SigningKeyStore, 'list'>
  readonly sharedReads: SharedReads
}

/** All public keys a tenant ever signed with, newest first: a receipt must verify for years. */
export async function readPublicKeys(
  { keys, sharedReads }: Needs,
  tenantId: TenantId,
): Promise<readonly StoredSigningKey[] | Refusal> {
  const found = await sharedReads(`signing keys ${tenantId}`, () => keys.list(tenantId))
  return found.length === 0 ? refuse('not_found') : found
}

/** The signed links that lead a device from the key set it holds to the newest, oldest first. */
export async function readKeySetLinks(
  needs: Needs & DeviceNeeds,
  proof: DeviceProof,
  afterSeq: number,
): Promise<readonly string[] | Refusal> {
  const device = await authenticateDevice(needs, proof)
  if (isRefusal(device)) return device
  const found = await needs.keys.list(device.tenantId)
  return found
    .filter((key) => key.seq > afterSeq)
    .sort((a, b) => a.seq - b.seq)
    .flatMap((key) => key.linkJws ?? [])
}
