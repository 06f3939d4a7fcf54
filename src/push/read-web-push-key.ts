import type { WebPushKeys } from '../devices/push-address.store.ts'

export type Dependencies = { readonly webPushKeys: Pick<WebPushKeys, 'current'> }

/** The public VAPID key that browsers subscribe under. */
export async function readWebPushKey({ webPushKeys }: Dependencies) {
  return { publicKey: await webPushKeys.current() }
}
