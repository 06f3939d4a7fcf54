// What may be done with an API key, and until when.

import { type Refusal, refuse } from './refusal.ts'

/** What decides whether a key is valid. */
export type KeyLife = { readonly revokedAt: Date | null; readonly expiresAt: Date | null }

/** True until the key is revoked or its time is over. */
export function isLive({ revokedAt, expiresAt }: KeyLife, now: Date): boolean {
  return revokedAt === null && (expiresAt === null || expiresAt > now)
}

/**
 * Keys of one lineage (a key and what replaced it, and so on) that may be live concurrently: the
 * old and the new one.
 */
const liveKeysMax = 2

/**
 * How long the old key may overlap with its successor: long enough to roll out, short enough to end
 * a leaked key.
 */
export const overlapBoundsSeconds = { min: 0, max: 7 * 24 * 60 * 60, usual: 24 * 60 * 60 } as const

/** Ranges that one key may be bound to. */
export const allowedAddressesMax = 50

/** Why a key gets no successor. */
export type RotationRefusal = Refusal<'api_key_not_live' | 'rotation_under_way'>

/** Whether a key may get a successor now; `lineage` holds the key itself and all its relatives. */
export function mayRotate(
  key: KeyLife,
  lineage: readonly KeyLife[],
  now: Date,
): RotationRefusal | undefined {
  if (!isLive(key, now)) return refuse('api_key_not_live')
  const live = lineage.filter((one) => isLive(one, now))
  if (live.length < liveKeysMax) return undefined
  const ends = live.flatMap(({ expiresAt }) => (expiresAt === null ? [] : expiresAt.getTime()))
  const nextMs = ends.length === 0 ? undefined : Math.min(...ends) - now.getTime()
  return refuse('rotation_under_way', {
    ...(nextMs !== undefined && { retryAfterSeconds: Math.ceil(nextMs / 1000) }),
  })
}

/**
 * When the successor of a key ends by default: it gets the same lifetime that the key before it
 * had.
 */
export function successorExpiry(
  { createdAt, expiresAt }: { readonly createdAt: Date; readonly expiresAt: Date | null },
  now: Date,
): Date | null {
  if (expiresAt === null) return null
  return new Date(now.getTime() + expiresAt.getTime() - createdAt.getTime())
}
