import type { DeviceProof } from '../domain/device-proof.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { Dependencies } from '../tenants/read-signing-keys.ts'
import type { Dependencies as DeviceDependencies, ProofRefusal } from './authenticate-device.ts'
import { authenticateDevice } from './authenticate-device.ts'

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
