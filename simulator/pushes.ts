/** Which of the two push services. */
export type Provider = 'apns' | 'fcm'

type Push = {
  /** Increases by one with every push that this simulator accepts, from either provider. */
  readonly sequence: number
  /** The `apns-id`, or the FCM message name. */
  readonly id: string
  readonly token: string
  readonly appId: string
  readonly collapseId?: string
  /** Milliseconds since the epoch; equal to `at` for a push that must not be stored. */
  readonly expiresAt: number
  /** When the gateway accepted it, in milliseconds since the epoch. */
  readonly at: number
}

/** A push as Apple accepted it. */
export type ApnsPush = Push & {
  readonly provider: 'apns'
  readonly pushType: string
  readonly priority: 10 | 5 | 1
  /** The `apns-*` headers as received; never the authorization. */
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Readonly<Record<string, unknown>>
}

/**
 * A push as Google accepted it; `data` is what the app receives (`android.data` wins over `data`).
 */
export type FcmPush = Push & {
  readonly provider: 'fcm'
  readonly priority: 'high' | 'normal'
  readonly ttlSeconds: number
  readonly data: Readonly<Record<string, string>>
  readonly notification?: Readonly<Record<string, unknown>>
}

/** A push that a gateway accepted. Accepted is not delivered: see `Phones`. */
export type AcceptedPush = ApnsPush | FcmPush

/** `Omit` that preserves the union of the two providers. */
export type PushDraft = Omit<ApnsPush, 'sequence'> | Omit<FcmPush, 'sequence'>
