import type { AppProvider, PushEnvironment, PushProviderName } from '../domain/push.ts'
import type { PushSubscription } from '../domain/push-subscription.ts'

/**
 * Where a push goes: the address that an app installation sent at enrollment, or later by rotating
 * its token.
 */
export type PushAddress = {
  readonly provider: PushProviderName
  /**
   * APNs device token (hex), FCM registration token, or what a push to a browser needs
   * (domain/push-subscription.ts). It belongs to the app installation, so several devices may share
   * it.
   */
  readonly token: string
  /** APNs only: which of Apple's two environments issued the token. */
  readonly environment: PushEnvironment
  /** The app's bundle id or package name; it chooses the credentials. */
  readonly appId: string
}

/** Where pushes go as an app states it. */
export type StatedAddress =
  | {
      readonly provider: AppProvider
      readonly token: string
      readonly environment: PushEnvironment
    }
  | (PushSubscription & {
      readonly provider: 'web_push'
      /** The public half of the VAPID key that it subscribed under; by default the current one. */
      readonly vapidKey?: string
    })

/** The VAPID keys that browsers subscribe under, by their public halves. */
export interface WebPushKeys {
  /** The key for new subscriptions. */
  current(): Promise<string>
  /** Whether this is the current key or a former one. */
  has(publicKey: string): Promise<boolean>
}
