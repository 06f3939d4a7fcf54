// The one subscription of this browser, by which all its accounts are woken.

import type { BrowserPush } from './member.ts'

/** How notifications stand in this browser; `failed` where its push service did not answer. */
export type PushStanding = 'on' | 'off' | 'denied' | 'unsupported' | 'failed'

/**
 * A push service that the browser cannot reach is not an error to some browsers: the promise never
 * settles.
 */
const patienceMs = 5_000

async function withPatience<Value>(work: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the browser does not answer')), patienceMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

const isSupported = () =>
  'Notification' in globalThis && 'PushManager' in globalThis && 'serviceWorker' in navigator

function keyOf({ options: { applicationServerKey } }: PushSubscription): string {
  const bytes = new Uint8Array(applicationServerKey ?? new ArrayBuffer(0))
  const text = btoa(String.fromCharCode(...bytes))
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

function pushOf(subscription: PushSubscription): BrowserPush {
  const { endpoint, keys } = subscription.toJSON()
  const { p256dh = '', auth = '' } = keys ?? {}
  const vapidKey = keyOf(subscription)
  return { provider: 'web_push', endpoint: endpoint ?? '', keys: { p256dh, auth }, vapidKey }
}

/** The subscription that there is, as the service wants it; null without one. */
export async function currentPush(): Promise<BrowserPush | null> {
  if (!isSupported() || Notification.permission !== 'granted') return null
  const registration = await navigator.serviceWorker.getRegistration()
  const subscription = await registration?.pushManager.getSubscription()
  return subscription ? pushOf(subscription) : null
}

/** How notifications stand, without asking anybody. */
export async function pushStanding(): Promise<PushStanding> {
  if (!isSupported()) return 'unsupported'
  if (Notification.permission === 'denied') return 'denied'
  return (await currentPush().catch(() => null)) ? 'on' : 'off'
}

/** The subscription under this key: a browser has one, and refuses another under another key. */
async function subscriptionUnder(applicationServerKey: string): Promise<PushSubscription> {
  const { pushManager } = await withPatience(navigator.serviceWorker.ready)
  const current = await pushManager.getSubscription()
  if (current && keyOf(current) === applicationServerKey) return current
  await current?.unsubscribe()
  const options = { userVisibleOnly: true, applicationServerKey }
  const attempt = () => withPatience(pushManager.subscribe(options))
  // The first one is lost in a browser that has just started.
  return attempt().catch(attempt)
}

/**
 * Asks for the permission, and subscribes: only in a click. Returns how things stand where there is
 * no subscription. Throws what `readKey` does.
 */
export async function subscribe(
  readKey: () => Promise<string>,
): Promise<BrowserPush | Exclude<PushStanding, 'on'>> {
  if (!isSupported()) return 'unsupported'
  const permission = await Notification.requestPermission()
  if (permission !== 'granted') return permission === 'denied' ? 'denied' : 'off'
  const key = await readKey()
  const subscription = await subscriptionUnder(key).catch(() => null)
  return subscription ? pushOf(subscription) : 'failed'
}
