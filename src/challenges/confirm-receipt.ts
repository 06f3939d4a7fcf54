import type { ProofRefusal } from '../devices/authenticate-device.ts'
import {
  authenticateDevice,
  type Dependencies as DeviceDependencies,
} from '../devices/authenticate-device.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { ChallengeId } from '../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { ChallengeStore } from './challenge.store.ts'

export type Dependencies = DeviceDependencies & {
  readonly challenges: Pick<ChallengeStore, 'markReceived'>
}

/** Records a device's receipt: the push has arrived. The first one counts. */
export async function confirmReceipt(
  dependencies: Dependencies,
  proof: DeviceProof,
  challengeId: ChallengeId,
): Promise<ProofRefusal | Refusal<'not_found' | 'proof_replayed'> | undefined> {
  const device = await authenticateDevice(dependencies, proof)
  if (isRefusal(device)) return device
  const result = await dependencies.challenges.markReceived(challengeId, proof)
  if (result === 'done') return undefined
  return refuse(result ?? 'not_found')
}
