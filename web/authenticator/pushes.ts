// Whether this browser is woken, for all its accounts.

import type { Member } from './member.ts'
import { type BrowserPush, subscriptionUnder, withPatience } from './subscription.ts'

/** How notifications stand in this browser; `failed` where its push service did not answer. */
export type PushStanding = 'on' | 'off' | 'denied' | 'unsupported' | 'failed'

const isSupported = () =>
  'Notification' in globalThis && 'PushManager' in globalThis && 'serviceWorker' in navigator

async function currentSubscription(): Promise<PushSubscription | null> {
  if (!isSupported() || Notification.permission !== 'granted') return null
  const registration = await navigator.serviceWorker.getRegistration()
  return (await registration?.pushManager.getSubscription()) ?? null
}

/** How notifications stand, without asking anybody. */
export async function pushStanding(): Promise<PushStanding> {
  if (!isSupported()) return 'unsupported'
  if (Notification.permission === 'denied') return 'denied'
  return (await currentSubscription().catch(() => null)) ? 'on' : 'off'
}

async function subscribe(key: string, deadEndpoint?: string | null): Promise<BrowserPush> {
  const { pushManager } = await withPatience(navigator.serviceWorker.ready)
  return subscriptionUnder(pushManager, key, deadEndpoint)
}

/**
 * Lets the service wake this browser for every account: asks for the permission, and subscribes.
 * From a click, which a module that is loaded only then would be too late for. Throws a
 * DeviceApiError where the service refuses or does not answer.
 */
export async function turnOnPushes(members: readonly Member[]): Promise<PushStanding> {
  if (!isSupported()) return 'unsupported'
  const permission = await Notification.requestPermission()
  if (permission !== 'granted') return permission === 'denied' ? 'denied' : 'off'
  const key = (await members[0]?.client.webPushKey()) ?? ''
  const push = await subscribe(key).catch(() => null)
  if (push === null) return 'failed'
  await Promise.all(members.map((member) => member.register(push)))
  return 'on'
}

/**
 * Ends them. The service hears of it first, so that it counts on no pushes; throws the
 * DeviceApiError of a call that did not arrive, and then nothing has ended.
 */
export async function turnOffPushes(members: readonly Member[]): Promise<PushStanding> {
  await Promise.all(members.map((member) => member.endPushes()))
  await (await currentSubscription())?.unsubscribe()
  return pushStanding()
}

/**
 * Registers accounts that were added since, and subscribes again where the browser has dropped the
 * subscription, its push service has given it up, or the service has another key: without a click,
 * as long as the permission is there. Changes nothing where notifications were never turned on, or
 * were turned off.
 */
export async function renewPushes(members: readonly Member[]): Promise<void> {
  const current = await currentSubscription()
  const [first] = members
  if (!first || !(current || members.some(({ isRegistered }) => isRegistered))) return
  const isDropped = await Promise.all(members.map((member) => member.isDroppedByService()))
  const deadEndpoint = members.find((_, at) => isDropped[at])?.stored.pushEndpoint
  const push = await subscribe(await first.client.webPushKey(), deadEndpoint)
  const stale = members.filter(
    ({ stored }, at) => isDropped[at] || stored.pushEndpoint !== push.endpoint,
  )
  await Promise.allSettled(stale.map((member) => member.register(push)))
}
