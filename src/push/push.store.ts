import type { PushAddress } from '../devices/push-address.store.ts'
import type { TenantId } from '../domain/ids.ts'
import type { PushKind } from '../domain/push.ts'

/**
 * One push. It carries opaque ids and at most a count: never the number, the user or the context
 * (NIST SP 800-63B-4, 3.1.3.1: the push is a prompt, the secret travels over the authenticated
 * channel).
 */
export type PushMessage = {
  /**
   * TypeID `dlv_...`; its UUID is the stable `apns-id`, so that a repeated send after an unclear
   * outcome stays one delivery.
   */
  readonly deliveryId: string
  readonly kind: PushKind
  /** The tenant of the push, which may have credentials of its own for an app. */
  readonly tenantId: TenantId
  /** The challenge that it is about; null for the other kinds. */
  readonly challengeId: string | null
  /** The first question of its chain, if another: its prompts are replaced by this one's. */
  readonly chainId?: string | null
  /** The activity that it is about. */
  readonly activityId?: string | null
  /** How many activities a digest is about. */
  readonly more?: number
  readonly deviceId: string
  /**
   * Short hash of the service's origin: an app with accounts on several servers knows which one to
   * ask.
   */
  readonly originHash: string
  readonly address: PushAddress
  /** Languages of its person by preference (domain/language.ts). */
  readonly languages: readonly string[]
  /** The challenge's expiry, or when the notice is stale; no provider may deliver later. */
  readonly expiresAt: Date
}

/** A provider's response, reduced to the five kinds that matter to us. */
export type PushResult =
  | { readonly kind: 'accepted'; readonly providerMessageId: string }
  /**
   * Unclear or temporary: the same delivery may be sent again after `afterMs` (absent: our own
   * back-off). `down` when it is about the whole service, and not about this message.
   */
  | {
      readonly kind: 'retry'
      readonly reason: string
      readonly afterMs?: number
      readonly down?: true
    }
  /**
   * The provider declared the token dead; with `since`, only if it was registered before that time.
   * `tenantOnly` when the tenant's own credentials were used: the response then holds for no other
   * tenant.
   */
  | {
      readonly kind: 'token_gone'
      readonly reason: string
      readonly since?: Date
      readonly tenantOnly?: true
    }
  /** This message will never be accepted; nothing is wrong with the token as far as we know. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** Our credentials or configuration are wrong: every push will fail until an operator acts. */
  | { readonly kind: 'misconfigured'; readonly reason: string }

export interface PushProvider {
  /**
   * Sends once, within the provider's own deadline. Never rejects: every failure is a `PushResult`.
   */
  send(message: PushMessage): Promise<PushResult>
  /** Refuses new sends, waits for those in flight, then closes the connections. */
  drain(): Promise<void>
}
