import type { PushEnvironment, PushProviderName } from '../domain/push.ts'

/**
 * Where a push goes: the address that an app installation sent at enrollment, or later by rotating
 * its token.
 */
export type PushAddress = {
  readonly provider: PushProviderName
  /**
   * APNs device token (hex) or FCM registration token. It belongs to the app installation, so
   * several devices may share it.
   */
  readonly token: string
  /** APNs only: which of Apple's two environments issued the token. */
  readonly environment: PushEnvironment
  /** The app's bundle id or package name; it chooses the credentials. */
  readonly appId: string
}
