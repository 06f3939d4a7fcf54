import type { ProofRefusal } from '../devices/authenticate-device.ts'
import { type VerifyProofDependencies, verifyProof } from '../devices/authenticate-device.ts'
import { requestHeader } from '../domain/approval-request.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { ChallengeId } from '../domain/ids.ts'
import { isRefusal, refuse } from '../domain/refusal.ts'
import type { SigningKeys } from '../tenants/signing-keys.ts'
import type { ChallengeStore, IsGone } from './challenge.store.ts'

export type Dependencies = VerifyProofDependencies & {
  readonly challenges: Pick<ChallengeStore, 'loadPending' | 'markFetched'>
  readonly signingKeys: SigningKeys
}

/** A pending challenge for the device: the server-signed request, and what is not signed. */
export type SignedRequest = {
  readonly challengeId: ChallengeId
  readonly request: string
  readonly returnUrl: string | null
}

/**
 * The device's pending challenges at this moment, newest first; one round trip. Works without any
 * push.
 */
export async function fetchChallenges(
  dependencies: Dependencies,
  proof: DeviceProof,
  isGone?: IsGone,
): Promise<readonly SignedRequest[] | ProofRefusal> {
  const facts = await dependencies.challenges.loadPending(proof.tenantId, proof.deviceId, isGone)
  if (!facts) return refuse('proof_invalid')
  const device = await verifyProof(dependencies, proof, facts.knownDevice)
  if (isRefusal(device)) return device

  const fresh = facts.pending.filter((one) => one.fetchedAt === null).map((one) => one.challengeId)
  if (fresh.length > 0) {
    // Informational: a lost mark shows a challenge as not fetched, nothing else.
    dependencies.challenges.markFetched(device.tenantId, device.id, fresh).catch(() => undefined)
  }
  return Promise.all(
    facts.pending.map(async ({ challengeId, signingKid, requestPayload, returnUrl }) => {
      const header = requestHeader(signingKid)
      const request = await dependencies.signingKeys.signWith(
        device.tenantId,
        signingKid,
        header,
        requestPayload,
      )
      return { challengeId, request, returnUrl }
    }),
  )
}
