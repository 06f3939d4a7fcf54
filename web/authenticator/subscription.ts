// The one subscription of this browser to pushes, as the service wants it.

import type { PushRegistration } from '../../clients/device/src/device.ts'

/** How the service reaches this browser. */
export type BrowserPush = Extract<PushRegistration, { readonly provider: 'web_push' }>

/**
 * A push service that the browser cannot reach is not an error to some browsers: the promise never
 * settles.
 */
const patienceMs = 5_000

/** What the work gives, unless that takes too long. */
export async function withPatience<Value>(work: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the browser does not answer')), patienceMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** The key of the service that it was subscribed under. */
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

/**
 * The subscription under this key, for which the permission is there already: a browser has one,
 * and refuses another under another key. `deadEndpoint` is one that its push service has given up.
 */
export async function subscriptionUnder(
  pushManager: PushManager,
  applicationServerKey: string,
  deadEndpoint?: string | null,
): Promise<BrowserPush> {
  const current = await pushManager.getSubscription()
  const isDead = current?.endpoint === deadEndpoint
  if (current && !isDead && keyOf(current) === applicationServerKey) return pushOf(current)
  await current?.unsubscribe()
  const options = { userVisibleOnly: true, applicationServerKey }
  const attempt = () => withPatience(pushManager.subscribe(options))
  // The first one is lost in a browser that has just started.
  return pushOf(await attempt().catch(attempt))
}
