// What each provider is told about a push: opaque ids and one generic text. No import runs code here: types only, and TypeID.

import type { TokenMessage } from 'firebase-admin/messaging'
import { TypeID } from 'typeid-js'
import type { PushKind, PushMessage } from '../ports/push.ts'

/** Version of the ids that a push carries; an app ignores versions it does not know. */
const PAYLOAD_VERSION = 1

/** What a push carries. `cid` or `aid` says what it is about; a test is about nothing. */
type PushIds = {
  readonly v: number
  readonly did: string
  readonly o: string
  readonly cid?: string
  readonly aid?: string
  readonly more?: number
}

/**
 * The ids of a push: version, challenge or activity, device, origin hash; and how many more activities it tells of. Nothing else
 * leaves over a push channel.
 */
function idsOf({ challengeId, activityId, more, deviceId, originHash }: PushMessage): PushIds {
  return {
    v: PAYLOAD_VERSION,
    ...(challengeId && { cid: challengeId }),
    ...(activityId && { aid: activityId }),
    ...(more && { more }),
    did: deviceId,
    o: originHash,
  }
}

/** A request to APNs: its headers under node-apn's names, and the body. */
export type ApnsPush = {
  readonly id: string
  readonly collapseId: string
  readonly pushType: 'alert'
  readonly priority: 10 | 5
  /** Seconds since the epoch. */
  readonly expiry: number
  readonly rawPayload: { readonly aps: Readonly<Record<string, unknown>> } & PushIds
}

/** Wakes the person: Time Sensitive breaks through a Focus, as Apple's guidelines allow for account security. */
const opened = {
  alert: {
    title: 'Sign-in request',
    body: 'Open the app to check it.',
    'title-loc-key': 'SIGNIN_APPROVAL_TITLE',
    'loc-key': 'SIGNIN_APPROVAL_BODY',
  },
  category: 'SIGNIN_APPROVAL',
  'interruption-level': 'time-sensitive',
  'mutable-content': 1,
  sound: 'default',
}

/** Takes the prompt's place without a sound; iOS does not promise to remove a notification silently. */
const closed = {
  alert: {
    title: 'Sign-in request',
    body: 'Already answered.',
    'title-loc-key': 'SIGNIN_CLOSED_TITLE',
    'loc-key': 'SIGNIN_CLOSED_BODY',
  },
  category: 'SIGNIN_CLOSED',
  'interruption-level': 'passive',
}

/** News about the account. It stays within a Focus: only a question that somebody waits for may break through. */
const recorded = {
  alert: {
    title: 'Account activity',
    body: 'Open the app to see what happened.',
    'title-loc-key': 'ACTIVITY_TITLE',
    'loc-key': 'ACTIVITY_BODY',
  },
  category: 'ACCOUNT_ACTIVITY',
  'interruption-level': 'active',
  'mutable-content': 1,
  sound: 'default',
}

/** The same for what was beyond a limit of pushes and is told as one. */
const gathered = (more: number) => ({
  ...recorded,
  alert: {
    title: 'Account activity',
    body: `${more} more. Open the app to see what happened.`,
    'title-loc-key': 'ACTIVITY_TITLE',
    'loc-key': 'ACTIVITY_MORE_BODY',
    'loc-args': [`${more}`],
  },
})

const tested = {
  alert: {
    title: 'Test notification',
    body: 'Notifications reach this device.',
    'title-loc-key': 'TEST_PUSH_TITLE',
    'loc-key': 'TEST_PUSH_BODY',
  },
  category: 'TEST_PUSH',
  'interruption-level': 'active',
}

const alerts = {
  challenge_opened: opened,
  challenge_closed: closed,
  activity_recorded: recorded,
  test: tested,
} as const satisfies Record<PushKind, object>

// A test is to find out how fast a prompt would be; an app shows it, so that FCM does not demote the app.
const fcmPriorities = {
  challenge_opened: 'high',
  challenge_closed: 'normal',
  activity_recorded: 'normal',
  test: 'high',
} as const satisfies Record<PushKind, 'high' | 'normal'>

/**
 * The APNs request for a message. The same delivery has the same `apns-id` each time, all messages of one challenge share
 * the collapse id, and the expiration never lies after the message's. Throws when the delivery id is not a `dlv_` TypeID.
 */
export function toApnsPush(message: PushMessage): ApnsPush {
  return {
    id: TypeID.fromString(message.deliveryId, 'dlv').toUUID(),
    collapseId: message.challengeId ?? message.activityId ?? message.deliveryId,
    pushType: 'alert',
    priority: message.kind === 'challenge_closed' ? 5 : 10,
    expiry: Math.floor(message.expiresAt.getTime() / 1000),
    rawPayload: {
      aps: {
        ...(message.more ? gathered(message.more) : alerts[message.kind]),
        'thread-id': message.deviceId,
      },
      ...idsOf(message),
    },
  }
}

/**
 * The FCM message: data only, so that the app decides what to show.
 * - `exp` (seconds since the epoch) is in the data because FCM counts `ttl` from the moment it received the message.
 * - Only the prompt and a test are `high`: FCM demotes apps whose high-priority messages show nothing to the person.
 * - Deliberate: no `collapseKey`. FCM delays collapsible messages of one app on one device beyond 20 in a burst and one
 *   in three minutes, and keeps four keys, so strangers' prompts could hold up the owner's. The app replaces by `cid`.
 */
export function toFcmMessage(message: PushMessage, now: Date): TokenMessage {
  const { v, more, ...ids } = idsOf(message)
  const expiresMs = message.expiresAt.getTime()
  return {
    token: message.address.token,
    data: {
      v: String(v),
      ...ids,
      ...(more && { more: String(more) }),
      kind: message.kind,
      exp: String(Math.floor(expiresMs / 1000)),
    },
    android: {
      priority: fcmPriorities[message.kind],
      ttl: Math.max(0, expiresMs - now.getTime()),
      restrictedPackageName: message.address.appId,
    },
  }
}
