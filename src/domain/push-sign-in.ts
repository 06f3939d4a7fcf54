// Who may use push sign-in: the organisation decides, for all users, for those it lists, or in
// steps.

import { type Refusal, refuse } from './refusal.ts'

/** From lax to strict. `listed`: users whose own setting is `on`. */
export const pushSignInModes = ['everybody', 'listed', 'nobody'] as const

/** What the organisation has set for one user; null where the policy alone decides. */
export const pushSignInSettings = ['on', 'off'] as const
export type PushSignInSetting = (typeof pushSignInSettings)[number]

type PushSignInPolicy = {
  readonly pushSignIn: (typeof pushSignInModes)[number]
  readonly pushSignInPercent: number
}

/** Why a user may not use push sign-in; `why` of the refusal. */
export const pushSignInReasons = [
  'off_for_everybody',
  'off_for_user',
  'user_not_listed',
  'user_not_reached',
] as const
export type PushSignInReason = (typeof pushSignInReasons)[number]
export type PushSignInRefusal = Refusal<'push_sign_in_off'> & {
  readonly facts: { readonly why: PushSignInReason }
}

const off = (why: PushSignInReason): PushSignInRefusal => ({
  ...refuse('push_sign_in_off'),
  facts: { why },
})

/** Refuses to ask a user for whom the organisation has turned push sign-in off. */
export function checkPushSignIn(
  { pushSignIn }: Pick<PushSignInPolicy, 'pushSignIn'>,
  setting: PushSignInSetting | null,
): PushSignInRefusal | undefined {
  if (pushSignIn === 'nobody') return off('off_for_everybody')
  if (setting === 'off') return off('off_for_user')
  return pushSignIn === 'listed' && setting !== 'on' ? off('user_not_listed') : undefined
}

/**
 * Refuses an enrollment. Until the roll-out reaches a user only those who have a device, or who are
 * set to `on`, may enroll: so a growing percentage takes push sign-in from nobody, and a falling
 * one from nobody who uses it.
 */
export function checkEnrolling(
  policy: PushSignInPolicy,
  user: {
    readonly setting: PushSignInSetting | null
    readonly hasDevice: boolean
    /** From `rolloutBucket`. */
    readonly bucket: number
  },
): PushSignInRefusal | undefined {
  const refusal = checkPushSignIn(policy, user.setting)
  if (refusal) return refusal
  const isReached = user.bucket < policy.pushSignInPercent
  return isReached || user.hasDevice || user.setting === 'on' ? undefined : off('user_not_reached')
}

/** Users are in a hundred buckets; the first `pushSignInPercent` are reached. */
export const rolloutBuckets = 100

/**
 * The bucket of a user, from a SHA-256 over the tenant's secret roll-out key and the user's id: the
 * same for good, and not to be guessed or chosen.
 */
export function rolloutBucket(hash: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = hash
  return (((a * 256 + b) * 256 + c) * 256 + d) % rolloutBuckets
}

/** What is hashed for `rolloutBucket`. */
export const rolloutText = (rolloutKey: string, userId: string) => `${rolloutKey}:${userId}`
