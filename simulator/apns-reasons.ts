/**
 * An answer other than 200, with a reason string of "Handling notification responses from APNs".
 */
export type ApnsRefusal = {
  readonly status: number
  readonly reason: string
  /** Milliseconds since the epoch; 410 only. */
  readonly timestamp?: number
}

/** Reasons by the status that Apple pairs them with; 400 for all others. */
const STATUSES: Readonly<Record<number, readonly string[]>> = {
  403: [
    'BadCertificate',
    'BadCertificateEnvironment',
    'BadEnvironmentKeyIdInToken',
    // The spelling that is reported from the live service.
    'BadEnvironmentKeyInToken',
    'ExpiredProviderToken',
    'Forbidden',
    'InvalidProviderToken',
    'MissingProviderToken',
    'UnrelatedKeyIdInToken',
  ],
  404: ['BadPath'],
  405: ['MethodNotAllowed'],
  410: ['ExpiredToken', 'Unregistered'],
  413: ['PayloadTooLarge'],
  429: ['TooManyProviderTokenUpdates', 'TooManyRequests'],
  500: ['InternalServerError'],
  503: ['ServiceUnavailable', 'Shutdown'],
}
const STATUS_OF = new Map(
  Object.entries(STATUSES).flatMap(([status, reasons]) =>
    reasons.map((reason) => [reason, Number(status)] as const),
  ),
)

/** The refusal for a reason, under Apple's status for it. */
export function refuse(reason: string, timestamp?: number): ApnsRefusal {
  const status = STATUS_OF.get(reason) ?? 400
  return timestamp === undefined ? { status, reason } : { status, reason, timestamp }
}

/** Whether the outcome is a refusal. */
export function isRefusal(value: object): value is ApnsRefusal {
  return 'status' in value && 'reason' in value
}
