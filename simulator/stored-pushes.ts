import type { AcceptedPush } from './pushes.ts'

/**
 * FCM keeps at most this many messages without a collapse key for an unreachable device; at one
 * more it discards all of them.
 */
const FCM_STORED_LIMIT = 100
/** FCM stores messages of at most this many collapse keys per device at a time. */
const FCM_COLLAPSE_KEYS_LIMIT = 4

/**
 * The pushes that a gateway stores for an unreachable device, after one more push. APNs stores one
 * notification per app and device, the newest. FCM replaces by collapse key, and bounds both kinds.
 */
export function storePush(
  storedPushes: readonly AcceptedPush[],
  push: AcceptedPush,
): readonly AcceptedPush[] {
  if (push.expiresAt <= push.at) return storedPushes
  if (push.provider === 'apns') return [push]
  if (push.collapseId === undefined) {
    const plain = storedPushes.filter((other) => other.collapseId === undefined)
    if (plain.length < FCM_STORED_LIMIT) return [...storedPushes, push]
    return storedPushes.filter((other) => other.collapseId !== undefined)
  }
  const others = storedPushes.filter((other) => other.collapseId !== push.collapseId)
  const collapsible = others.filter((other) => other.collapseId !== undefined)
  if (collapsible.length < FCM_COLLAPSE_KEYS_LIMIT) return [...others, push]
  const oldest = collapsible[0]
  return [...others.filter((other) => other !== oldest), push]
}
