// The service's responses about the user's devices and activities; times in RFC 3339, UTC.

export type DeviceDetails = {
  readonly id: string
  readonly userId: string
  readonly status: 'unconfirmed' | 'active' | 'suspended' | 'unregistered'
  readonly name: string
  readonly platform: 'ios' | 'android' | 'web' | 'other'
  readonly model: string
  readonly osVersion: string
  readonly appId: string
  readonly appVersion: string
  /** What it said its person reads; null for nothing. */
  readonly language: string | null
  /** The device whose companion (a watch) this is; null for a device of its own. */
  readonly parentDeviceId: string | null
  /** The newest version of the device protocol that it speaks, as far as the service knows. */
  readonly protocolVersion: number
  readonly hasPushToken: boolean
  readonly hasVerificationKey: boolean
  /** The verification key of a browser, as its authenticator described it; null for none. */
  readonly passkey: { readonly backupEligible: boolean; readonly backedUp: boolean } | null
  readonly attestation: {
    readonly level: 'none' | 'software' | 'tee' | 'strongbox' | 'app_attest'
    readonly verdict: 'not_asked' | 'missing' | 'invalid' | 'verified'
    readonly why: string | null
  }
  readonly createdAt: string
  readonly activatedAt: string | null
  readonly lastSeenAt: string | null
  readonly unregisteredAt: string | null
  readonly unregisterReason: string | null
  readonly suspendedAt: string | null
}

/** The device itself, and whether it may answer challenges. */
export type OwnDetails = DeviceDetails & {
  readonly mayAnswer: boolean
  /** Why not; null when it may. Later versions of the service may have further reasons. */
  readonly whyNot:
    | 'unconfirmed'
    | 'suspended'
    | 'user_suspended'
    | 'push_locked'
    | 'app_too_old'
    | 'platform_retired'
    | 'protocol_too_old'
    | 'companion'
    | 'no_verification_key'
    | 'passkey_synced'
    | 'passkey_synced'
    | null
}

/** One push to this device; times are null for what has not happened. */
export type PushDetails = {
  readonly id: string
  readonly kind: 'challenge_opened' | 'challenge_closed' | 'activity_recorded' | 'test'
  readonly status: 'queued' | 'sent' | 'failed' | 'suppressed'
  readonly attempts: number
  readonly queuedAt: string
  readonly sentAt: string | null
  readonly receivedAt: string | null
  readonly answeredAt: string | null
  /** Why it was not sent. Later versions of the service may have further reasons. */
  readonly failure: string | null
  readonly delayMs: number | null
}

export type PushReport = {
  readonly items: readonly PushDetails[]
  /** What would help. Later versions of the service may have further advice. */
  readonly advice: readonly (
    | 'enable_notifications'
    | 'token_stale'
    | 'provider_down'
    | 'never_received'
    | 'clock_off'
  )[]
  readonly clockSkewMs: number | null
  readonly serverTime: string
}

export type ActivityDetails = {
  readonly id: string
  readonly userId: string
  readonly type: string
  readonly severity: 'info' | 'warning' | 'critical'
  readonly actor: string
  readonly challengeId: string | null
  readonly deviceId: string | null
  readonly enrollmentId: string | null
  readonly details: Readonly<Record<string, string | number | boolean>>
  /** What a relying party claims: show it as the statement of that relying party. */
  readonly posted: {
    readonly title: string
    readonly message?: string
    readonly fields?: readonly { readonly label: string; readonly value: string }[]
    readonly relyingParty: { readonly name: string }
  } | null
  readonly occurredAt: string
}

export type PageRequest = { readonly cursor?: string; readonly limit?: number }

export type ActivityPage = {
  readonly items: readonly ActivityDetails[]
  readonly nextCursor: string | null
}

/** `push` immediately, `in_app` in the list of activities only, `off` not even there. */
export type NotificationPreferences = {
  /** Locks, reports, wrong numbers; what is critical is always pushed. */
  readonly security: 'push' | 'in_app'
  readonly devices: 'push' | 'in_app'
  readonly sign_in: 'in_app' | 'off'
  readonly relying_party: 'push' | 'in_app' | 'off'
}

/** An enrollment that this device opened for the next phone. */
export type OpenedEnrollment = {
  readonly id: string
  readonly uri: string
  readonly qrSvg: string
  readonly code: string
  readonly expiresAt: string
}

export type EnrollmentDetails = {
  readonly id: string
  readonly status: 'open' | 'claimed' | 'completed' | 'cancelled' | 'void' | 'expired'
  /** To be shown while claimed, and typed on the next phone. */
  readonly number?: string
  readonly deviceId: string | null
  readonly expiresAt: string
}
