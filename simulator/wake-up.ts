import type { AcceptedPush } from './pushes.ts'

/** A push as the app reads it: the challenge, and whether it is still open. */
export type WakeUp = {
  readonly challengeId: string
  readonly deviceId: string
  readonly kind: 'challenge_opened' | 'challenge_closed'
  readonly push: AcceptedPush
}

/**
 * The data that an app reads from a push; undefined for one that is not from Countersign, or of an
 * unknown version.
 */
export function readWakeUp(push: AcceptedPush): WakeUp | undefined {
  const { v, cid, did } = push.provider === 'apns' ? push.payload : push.data
  if (String(v) !== '1' || typeof cid !== 'string' || typeof did !== 'string') return undefined
  const kind = isClosing(push) ? 'challenge_closed' : 'challenge_opened'
  return { challengeId: cid, deviceId: did, kind, push }
}

function isClosing(push: AcceptedPush): boolean {
  if (push.provider === 'fcm') return push.data.kind === 'challenge_closed'
  const { aps } = push.payload
  return (
    typeof aps === 'object' && aps !== null && 'category' in aps && aps.category === 'SIGNIN_CLOSED'
  )
}
