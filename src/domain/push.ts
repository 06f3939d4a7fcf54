/** Providers whose credentials belong to one mobile app. */
export const appProviders = ['apns', 'fcm'] as const
export type AppProvider = (typeof appProviders)[number]
/** Web Push sends to browsers, under a key of the installation. */
export type PushProviderName = AppProvider | 'web_push'

/** Apple's two environments. */
export const pushEnvironments = ['production', 'sandbox'] as const
export type PushEnvironment = (typeof pushEnvironments)[number]

/** The status of a push in the outbox. */
export const deliveryStatuses = ['queued', 'sent', 'failed', 'suppressed'] as const
export type DeliveryStatus = (typeof deliveryStatuses)[number]

/**
 * What a push is about. `challenge_opened` wakes the person; `challenge_closed` quietly says, under
 * the same collapse id, that the question is over; `activity_recorded` reports news about the
 * account; `test` shows that pushes arrive.
 */
export const pushKinds = [
  'challenge_opened',
  'challenge_closed',
  'activity_recorded',
  'test',
] as const
export type PushKind = (typeof pushKinds)[number]

/**
 * Why the last attempt failed, by what helps: `provider_unavailable` passes (no answer, or one that
 * asks to come back later), `provider_misconfigured` waits for an operator, `token_gone` for the
 * app, and a `push_rejected` is not sent again.
 */
export const pushFailures = [
  'provider_unavailable',
  'provider_misconfigured',
  'token_gone',
  'push_rejected',
] as const
export type PushFailure = (typeof pushFailures)[number]

/** Why a push was not worth sending any more. */
export const pushSuppressions = [
  'challenge_ended',
  'expired',
  'device_not_active',
  'no_push_token',
] as const
export type PushSuppression = (typeof pushSuppressions)[number]
