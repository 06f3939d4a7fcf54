import type { ProofRefusal } from '../devices/authenticate-device.ts'
import { type VerifyProofDependencies, verifyProof } from '../devices/authenticate-device.ts'
import { requestHeader } from '../domain/approval-request.ts'
import type { Device } from '../domain/device.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { ChallengeId, DeviceId, UserId } from '../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Signals } from '../platform/signals.ts'
import type { Hashing } from '../platform/world.ts'
import type { SigningKeys } from '../tenants/signing-keys.ts'
import type { ChallengeStore, IsGone, PendingRequest } from './challenge.store.ts'

export type Dependencies = VerifyProofDependencies & {
  readonly challenges: Pick<ChallengeStore, 'loadPending' | 'markFetched'>
  readonly signingKeys: SigningKeys
}

export type WaitDependencies = Dependencies & {
  readonly signals: Signals
  readonly hashing: Pick<Hashing, 'sha256' | 'sha256Base64Url'>
}

/** Waits of one device at a time, in each process: an app has one, a browser one a window. */
export const waitsMax = 16
const waitKey = (deviceId: DeviceId) => `waits:${deviceId}`

/** A pending challenge for the device: the server-signed request, and what is not signed. */
export type SignedRequest = {
  readonly challengeId: ChallengeId
  readonly request: string
  readonly returnUrl: string | null
}

/** What is signalled when a user is asked: the open apps of their devices wait for it. */
export const askedKey = (userId: UserId) => `asked:${userId}`

/** The longest delay that a lost signal causes, and a key that was replaced meanwhile. */
const rereadEveryMs = 5_000

/**
 * The device's pending challenges at this moment, newest first; one round trip. Works without any
 * push.
 */
export async function fetchChallenges(
  dependencies: Dependencies,
  proof: DeviceProof,
  isGone?: IsGone,
): Promise<readonly SignedRequest[] | ProofRefusal> {
  const reading = await readPending(dependencies, proof, isGone)
  return isRefusal(reading) ? reading : sign(dependencies, reading)
}

/** The pending challenges, and which they are in one word, to wait for others. */
export type PendingReading = { readonly items: readonly SignedRequest[]; readonly state: string }

/**
 * The same, waiting while they are those of `after`, which an earlier reading named, or while there
 * are none: until `waitMs` have passed, the process stops, or the caller is gone, whichever comes
 * first. Each reading verifies the proof again, so that a device that was unregistered meanwhile,
 * or whose key was replaced, learns nothing. Beyond `waitsMax` a device is refused: each wait reads
 * again and again, and one proof is good for any number of them.
 */
export async function waitForChallenges(
  dependencies: WaitDependencies,
  proof: DeviceProof,
  { waitMs, after }: { readonly waitMs: number; readonly after?: string },
  isGone: IsGone = () => false,
): Promise<PendingReading | ProofRefusal | Refusal<'too_many_requests'>> {
  const { signals, hashing } = dependencies
  const stateOf = ({ pending }: Pick<Reading, 'pending'>) =>
    hashing.sha256Base64Url(pending.map(({ challengeId }) => challengeId).join(' '))
  const knownState = after ?? stateOf({ pending: [] })
  const shownReading = async (reading: Reading) => ({
    items: await sign(dependencies, reading),
    state: stateOf(reading),
  })
  const until = performance.now() + waitMs
  const first = await readPending(dependencies, proof, isGone)
  if (isRefusal(first)) return first
  if (waitMs === 0 || stateOf(first) !== knownState) return shownReading(first)
  const { userId, id: deviceId } = first.device
  if (signals.watchCount(waitKey(deviceId)) >= waitsMax) {
    return refuse('too_many_requests', { retryAfterSeconds: rereadEveryMs / 1000 })
  }
  const ids = first.pending.map(({ challengeId }) => challengeId)
  const watch = signals.watch(askedKey(userId), waitKey(deviceId), ...ids)
  try {
    for (;;) {
      const reading = await readPending(dependencies, proof, isGone)
      if (isRefusal(reading)) return reading
      const leftMs = until - performance.now()
      const isOver = leftMs <= 0 || signals.isStopped || isGone()
      if (isOver || stateOf(reading) !== knownState) return await shownReading(reading)
      await watch.next(Math.min(leftMs, rereadEveryMs))
    }
  } finally {
    watch.close()
  }
}

type Reading = { readonly device: Device; readonly pending: readonly PendingRequest[] }

async function readPending(
  dependencies: Dependencies,
  proof: DeviceProof,
  isGone?: IsGone,
): Promise<Reading | ProofRefusal> {
  const facts = await dependencies.challenges.loadPending(proof.tenantId, proof.deviceId, isGone)
  if (!facts) return refuse('proof_invalid')
  const device = await verifyProof(dependencies, proof, facts.knownDevice)
  return isRefusal(device) ? device : { device, pending: facts.pending }
}

async function sign(
  dependencies: Dependencies,
  { device, pending }: Reading,
): Promise<readonly SignedRequest[]> {
  const fresh = pending.filter((one) => one.fetchedAt === null).map((one) => one.challengeId)
  if (fresh.length > 0) {
    // Informational: a lost mark shows a challenge as not fetched, nothing else.
    dependencies.challenges.markFetched(device.tenantId, device.id, fresh).catch(() => undefined)
  }
  return Promise.all(
    pending.map(async ({ challengeId, signingKid, requestPayload, returnUrl }) => {
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
