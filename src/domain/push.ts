export const pushProviders = ['apns', 'fcm'] as const
export type PushProviderName = (typeof pushProviders)[number]

/** Apple's two environments. */
export const pushEnvironments = ['production', 'sandbox'] as const
export type PushEnvironment = (typeof pushEnvironments)[number]

/** The status of a push in the outbox. */
export const deliveryStatuses = ['queued', 'sent', 'failed', 'suppressed'] as const
export type DeliveryStatus = (typeof deliveryStatuses)[number]
