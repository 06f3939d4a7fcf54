import type { DeviceProof } from '../domain/device-proof.ts'
import type { ChallengeId } from '../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { ChallengeStore } from '../ports/challenge-store.ts'
import { authenticateDevice, type Needs as DeviceNeeds } from './authenticate-device.ts'

export type Needs = DeviceNeeds & { readonly challenges: Pick<ChallengeStore, 'markReceived'> }

/** Takes a device's receipt: the push has arrived. The first one counts. */
export async function confirmReceipt(
  needs: Needs,
  proof: DeviceProof,
  challengeId: ChallengeId,
): Promise<Refusal | undefined> {
  const device = await authenticateDevice(needs, proof)
  if (isRefusal(device)) return device
  const received = await needs.challenges.markReceived(challengeId, proof)
  if (received === 'proof_replayed') return refuse('proof_replayed')
  return received ? undefined : refuse('not_found')
}
