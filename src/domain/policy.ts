// What a tenant may set, with the bounds that no tenant can leave.

/** The rules in force for one tenant. Times in seconds. */
export type Policy = {
  /** Digits of a number the service makes. NIST SP 800-63B-4, 3.1.3.2: at least six. */
  readonly numberDigits: number
  /** Whether a challenge may ask for no number at all (`none`); audited where it is used. */
  readonly numberNoneAllowed: boolean
  /** Wrong numbers that end a challenge as `denied` (`number_mismatch`). */
  readonly wrongNumbersMax: number
  /** Lifetime of a challenge that does not ask for another. */
  readonly challengeTtlSeconds: number
  readonly resendsMax: number
  readonly resendGapSeconds: number
  readonly devicesPerUserMax: number
  /** Lifetime of an enrolment. NIST SP 800-63B-4, 4.1.2.2: at most ten minutes. */
  readonly enrolmentTtlSeconds: number
  /** Wrong typed codes that end an enrolment. */
  readonly enrolmentCodeTriesMax: number
  /** Whether a new device must type the number from the relying party's page before it counts. */
  readonly enrolmentConfirmation: boolean
}

export const defaultPolicy: Policy = {
  numberDigits: 6,
  numberNoneAllowed: false,
  wrongNumbersMax: 3,
  challengeTtlSeconds: 120,
  resendsMax: 3,
  resendGapSeconds: 10,
  devicesPerUserMax: 10,
  enrolmentTtlSeconds: 600,
  enrolmentCodeTriesMax: 5,
  enrolmentConfirmation: true,
}

type NumericField = {
  [K in keyof Policy]: Policy[K] extends number ? K : never
}[keyof Policy]

/** Inclusive bounds in code: a stored policy outside them is pulled back to the nearest one. */
export const policyBounds: Record<NumericField, readonly [min: number, max: number]> = {
  numberDigits: [2, 8],
  wrongNumbersMax: [1, 3],
  challengeTtlSeconds: [15, 600],
  resendsMax: [0, 3],
  resendGapSeconds: [10, 600],
  devicesPerUserMax: [1, 20],
  enrolmentTtlSeconds: [60, 600],
  enrolmentCodeTriesMax: [1, 5],
}

/** Hard bounds of a challenge's lifetime; 600 s is the most NIST SP 800-63B-4, 3.1.3.2 allows. */
export const challengeTtlBoundsSeconds = { min: 15, max: 600 } as const

/** A result names a device as new for this long after it became active. */
export const newDeviceSeconds = 24 * 60 * 60

/**
 * The policy in force: the defaults with the tenant's stored overrides, each within its bounds. Whatever is not a
 * valid override falls back to the default, so that a damaged row can never loosen a rule.
 */
export function policyOf(stored: unknown): Policy {
  if (typeof stored !== 'object' || stored === null) return defaultPolicy
  const given = stored as Record<string, unknown>
  const number = (field: NumericField): number => {
    const value = given[field]
    if (typeof value !== 'number' || !Number.isInteger(value)) return defaultPolicy[field]
    const [min, max] = policyBounds[field]
    return Math.min(max, Math.max(min, value))
  }
  const numberDigits = number('numberDigits')
  return {
    numberDigits,
    numberNoneAllowed: given.numberNoneAllowed === true,
    // Fewer than six digits get one try: tries x 10^-digits must stay below 1 in 100 even at two digits.
    wrongNumbersMax: numberDigits < 6 ? 1 : number('wrongNumbersMax'),
    challengeTtlSeconds: number('challengeTtlSeconds'),
    resendsMax: number('resendsMax'),
    resendGapSeconds: number('resendGapSeconds'),
    devicesPerUserMax: number('devicesPerUserMax'),
    enrolmentTtlSeconds: number('enrolmentTtlSeconds'),
    enrolmentCodeTriesMax: number('enrolmentCodeTriesMax'),
    enrolmentConfirmation: given.enrolmentConfirmation !== false,
  }
}
