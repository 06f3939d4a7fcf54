// What each provider learns about a push: opaque ids and one generic text, in the language of the
// device.

import type { TokenMessage } from 'firebase-admin/messaging'
import { TypeID } from 'typeid-js'
import type { PushKind } from '../domain/push.ts'
import { fill } from '../platform/texts/fill.ts'
import { languageFor, pluralOf, textsIn } from '../platform/texts/texts.ts'
import type { PushMessage } from './push.store.ts'

/** Version of the ids that a push carries; an app ignores versions it does not know. */
const PAYLOAD_VERSION = 1

/** What a push carries. `cid` or `aid` names its subject; a test has none, and names itself. */
type PushIds = {
  readonly v: number
  readonly did: string
  readonly o: string
  readonly cid?: string
  readonly tag?: string
  readonly aid?: string
  readonly pid?: string
  readonly more?: number
}

/**
 * The ids of a push: version, challenge or activity, device, origin hash; the tag of the prompt
 * that it replaces, where that is not the challenge; the number of further activities in a digest.
 * Nothing else is sent over a push channel.
 */
export function idsOf(message: PushMessage): PushIds {
  const { challengeId, chainId, activityId, more, deviceId, originHash } = message
  return {
    v: PAYLOAD_VERSION,
    ...(challengeId && { cid: challengeId }),
    ...(chainId && { tag: chainId }),
    ...(activityId && { aid: activityId }),
    ...(message.kind === 'test' && { pid: message.deliveryId }),
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

/**
 * Wakes the user: Time Sensitive breaks through a Focus, as Apple's guidelines allow for account
 * security.
 */
const promptAlert = {
  alert: { 'title-loc-key': 'SIGNIN_APPROVAL_TITLE', 'loc-key': 'SIGNIN_APPROVAL_BODY' },
  category: 'SIGNIN_APPROVAL',
  'interruption-level': 'time-sensitive',
  'mutable-content': 1,
  sound: 'default',
}

/** Replaces the prompt without a sound; iOS does not promise to remove a notification silently. */
const closedAlert = {
  alert: { 'title-loc-key': 'SIGNIN_CLOSED_TITLE', 'loc-key': 'SIGNIN_CLOSED_BODY' },
  category: 'SIGNIN_CLOSED',
  'interruption-level': 'passive',
}

/**
 * News about the account. It respects a Focus: only a challenge that somebody waits for may break
 * through.
 */
const activityAlert = {
  alert: { 'title-loc-key': 'ACTIVITY_TITLE', 'loc-key': 'ACTIVITY_BODY' },
  category: 'ACCOUNT_ACTIVITY',
  'interruption-level': 'active',
  'mutable-content': 1,
  sound: 'default',
}

const testAlert = {
  alert: { 'title-loc-key': 'TEST_PUSH_TITLE', 'loc-key': 'TEST_PUSH_BODY' },
  category: 'TEST_PUSH',
  'interruption-level': 'active',
}

const alerts = {
  challenge_opened: promptAlert,
  challenge_closed: closedAlert,
  activity_recorded: activityAlert,
  test: testAlert,
} as const satisfies Record<PushKind, object>

/**
 * The alert of a message: the app's own text by its key, and a text of ours for where it has none.
 * A digest is about the activities beyond the push limit, batched into one.
 */
function alertOf({ kind, more, languages }: PushMessage) {
  const { alert, ...rest } = alerts[kind]
  const language = languageFor(languages)
  const { pushes } = textsIn(language)
  const { title, body } = pushes[kind]
  if (!more) return { ...rest, alert: { title, body, ...alert } }
  return {
    ...rest,
    alert: {
      title,
      body: fill(pluralOf(language, pushes.digest, more), { more }),
      ...alert,
      'loc-key': 'ACTIVITY_MORE_BODY',
      'loc-args': [`${more}`],
    },
  }
}

// A test measures how fast a prompt would be; the app shows it, so that FCM does not demote the
// app.
const fcmPriorities = {
  challenge_opened: 'high',
  challenge_closed: 'normal',
  activity_recorded: 'normal',
  test: 'high',
} as const satisfies Record<PushKind, 'high' | 'normal'>

/**
 * The APNs request for a message. The same delivery has the same `apns-id` each time, all messages
 * of one challenge and of those that supersede it share the collapse id, and the expiration is
 * never later than the message's. Throws when the delivery id is not a `dlv_` TypeID.
 */
export function toApnsPush(message: PushMessage): ApnsPush {
  return {
    id: TypeID.fromString(message.deliveryId, 'dlv').toUUID(),
    collapseId: message.chainId ?? message.challengeId ?? message.activityId ?? message.deliveryId,
    pushType: 'alert',
    priority: message.kind === 'challenge_closed' ? 5 : 10,
    expiry: Math.floor(message.expiresAt.getTime() / 1000),
    rawPayload: {
      aps: {
        ...alertOf(message),
        'thread-id': message.deviceId,
      },
      ...idsOf(message),
    },
  }
}

/**
 * The FCM message: data only, so that the app decides what to show.
 * - `exp` (seconds since the epoch) is in the data because FCM counts `ttl` from the moment it
 *   received the message.
 * - Only the prompt and a test are `high`: FCM demotes apps whose high-priority messages show
 *   nothing to the user.
 * - Deliberate: no `collapseKey`. FCM delays collapsible messages of one app on one device beyond
 *   20 in a burst and one in three minutes, and keeps four keys, so prompts of unknown initiators
 *   could delay the owner's. The app replaces by `tag`, else
 *   by `cid`.
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
