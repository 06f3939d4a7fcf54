import { pushServiceOf, webPushToken } from '../domain/push-subscription.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { PushAddress, StatedAddress, WebPushKeys } from './push-address.store.ts'

export type Dependencies = {
  readonly webPushKeys: WebPushKeys
  /** The push services that pushes to browsers may go to (domain/push-subscription.ts). */
  readonly webPushHosts: readonly string[]
}

/**
 * The push address that an app states. One of a browser is refused when its push service is none of
 * the allowed ones, or when it names a VAPID key that this installation never had.
 */
export async function readStatedAddress(
  { webPushKeys, webPushHosts }: Dependencies,
  statedAddress: StatedAddress,
  appId: string,
): Promise<PushAddress | Refusal<'invalid_request'>> {
  if (statedAddress.provider !== 'web_push') return { ...statedAddress, appId }
  const { provider, vapidKey, ...subscription } = statedAddress
  if (pushServiceOf(subscription.endpoint, webPushHosts) === undefined) {
    const hint = 'push.endpoint: its push service is none of those that this server pushes to.'
    return refuse('invalid_request', { hint })
  }
  if (vapidKey !== undefined && !(await webPushKeys.has(vapidKey))) {
    return refuse('invalid_request', { hint: 'push.vapidKey: subscribe under the current key.' })
  }
  const token = webPushToken({
    ...subscription,
    vapidKey: vapidKey ?? (await webPushKeys.current()),
  })
  return { provider, token, environment: 'production', appId }
}
