// How many users of an organisation could be asked at this moment, and why the others could not.

import { type AskableFacts, type AskableRules, reasonForNotAsking } from './askable.ts'
import { askableRules } from './challenge.ts'
import type { Policy } from './policy.ts'
import { checkEnrolling, checkPushSignIn, type PushSignInSetting } from './push-sign-in.ts'

/** Devices that the rules cannot tell apart. */
export type DeviceKind = Omit<AskableFacts, 'parentDeviceId' | 'passkey'> & {
  readonly isCompanion: boolean
  readonly hasSyncedPasskey: boolean
}

/** The kinds that a usual challenge may ask: a number to type, no wish for verification. */
export function askableKinds(kinds: readonly DeviceKind[], policy: Policy): DeviceKind[] {
  const rules: AskableRules = askableRules(policy, { digits: policy.numberDigits }, 'not_required')
  return kinds.filter(
    ({ isCompanion, hasSyncedPasskey, ...kind }) =>
      !isCompanion &&
      reasonForNotAsking(
        { ...kind, parentDeviceId: null, passkey: { backupEligible: hasSyncedPasskey } },
        rules,
      ) === undefined,
  )
}

/** Users that the rules cannot tell apart, and how many they are. */
export type UserGroup = {
  readonly users: number
  readonly isSuspended: boolean
  readonly isLocked: boolean
  /** They have reported something: unknown initiators may not ask. */
  readonly isReported: boolean
  /** They want no pushes at this moment. */
  readonly isPaused: boolean
  readonly setting: PushSignInSetting | null
  /** The roll-out has reached them. */
  readonly isReached: boolean
  /** An active or suspended device. */
  readonly hasDevice: boolean
  /** An active device, whether it may be asked or not. */
  readonly hasActiveDevice: boolean
  readonly hasAskableDevice: boolean
  /** An askable device with a push token. */
  readonly hasPushToken: boolean
}

/** Why a user could not be asked: the first reason that applies, in the order of creation. */
export const unreadyReasons = [
  'user_suspended',
  'push_locked',
  'off_for_everybody',
  'off_for_user',
  'user_not_listed',
  'user_not_reached',
  'no_device',
  'no_capable_device',
] as const
type UnreadyReason = (typeof unreadyReasons)[number]

function reasonFor(group: UserGroup, policy: Policy): UnreadyReason | null {
  if (group.isSuspended) return 'user_suspended'
  if (group.isLocked) return 'push_locked'
  const off = checkPushSignIn(policy, group.setting)
  if (off) return off.facts.why
  if (group.isReported) return 'push_locked'
  if (group.hasAskableDevice) return null
  if (group.hasActiveDevice) return 'no_capable_device'
  // The bucket itself is not known here, only on which side of the percentage it is.
  const bucket = group.isReached ? 0 : policy.pushSignInPercent
  return checkEnrolling(policy, { ...group, bucket })?.facts.why ?? 'no_device'
}

export type ReadinessCounts = {
  readonly users: number
  /** Would be woken by a push, or find the challenge by opening the app. */
  readonly ready: { readonly push: number; readonly pull: number }
  readonly notReady: Readonly<Record<UnreadyReason, number>>
}

/** Adds the groups up; every user is counted once. */
export function countReadiness(groups: readonly UserGroup[], policy: Policy): ReadinessCounts {
  const sum = (matches: (group: UserGroup, reason: UnreadyReason | null) => boolean) =>
    groups
      .filter((group) => matches(group, reasonFor(group, policy)))
      .reduce((total, { users }) => total + users, 0)
  const isWoken = ({ hasPushToken, isPaused }: UserGroup) => hasPushToken && !isPaused
  return {
    users: sum(() => true),
    ready: {
      push: sum((group, reason) => reason === null && isWoken(group)),
      pull: sum((group, reason) => reason === null && !isWoken(group)),
    },
    notReady: Object.fromEntries(
      unreadyReasons.map((one) => [one, sum((_, reason) => reason === one)]),
    ) as ReadinessCounts['notReady'],
  }
}
