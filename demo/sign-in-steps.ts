import { denyReasons, type Result } from '../clients/typescript/src/client.ts'
import type { Challenge, CreatedChallenge, Device } from './relying-party.ts'
import type { ApproveStep, Proof, RefusedStep } from './sign-in-view.ts'

/** The least time between two pushes of the same challenge. */
const pushGapMs = 10_000

/** The earliest time for the next push after one that is sent now. */
export function pushAgainAt(): string {
  return new Date(Date.now() + pushGapMs).toISOString()
}

/** How the company knows who signed in, from a verified result. */
export function proofOf(result: Result, challenge: Challenge, devices: readonly Device[]): Proof {
  const device = devices.find(({ id }) => id === result.did)
  const { createdAt, decidedAt } = challenge
  return {
    device: device ? `${device.name} (${device.model})` : 'a registered phone',
    isNewDevice: result.new_device === true,
    isUserVerified: result.amr?.includes('user') ?? false,
    decidedAfterMs: Date.parse(decidedAt ?? createdAt) - Date.parse(createdAt),
    claims: result,
  }
}

/** Why somebody is not signed in. */
export function refusalOf({ decision, reason }: Result): RefusedStep {
  if (reason === 'superseded') return { name: 'refused', why: reason, detail: null }
  if (decision === 'expired' || decision === 'cancelled') {
    return { name: 'refused', why: decision, detail: null }
  }
  const why = denyReasons.find((one) => one === reason)
  return why
    ? { name: 'refused', why, detail: null }
    : { name: 'refused', why: 'result_not_believed', detail: `decision ${decision}` }
}

/** The text for the end of a challenge in the list of events. */
export function endingOf(
  { status, reason, decidedDeviceId }: Challenge,
  devices: readonly Device[],
): { readonly who: string; readonly what: string } {
  const who = devices.find(({ id }) => id === decidedDeviceId)?.name ?? 'Countersign'
  if (reason === 'number_mismatch') return { who, what: 'typed the last wrong number' }
  if (reason === 'user_reported') return { who, what: 'denied: this wasn’t me' }
  if (reason === 'no_device_left') return { who, what: 'no phone is left that could answer' }
  return { who, what: decidedDeviceId ? `signed its answer: ${status}` : status }
}

/** A challenge that was just created. */
export function approveStep(creation: CreatedChallenge): ApproveStep {
  return {
    name: 'approve',
    id: creation.id,
    number: creation.number ?? '',
    createdAt: creation.createdAt,
    expiresAt: creation.expiresAt,
    isPullOnly: creation.deliveryMode === 'pull_only',
    suppression: creation.suppressed,
    phones: [],
    wrongNumbersLeft: creation.wrongNumbersLeft,
    hadWrongNumber: false,
    pushesLeft: creation.resendsLeft,
    pushAgainAt: pushAgainAt(),
  }
}
