// What a challenge shows to the person, and which devices can show it.

/** What the device shows to the person; every text is bounded and showable (domain/text.ts). */
export type ChallengeContext = {
  readonly application?: string
  readonly action?: string
  readonly ip?: string
  readonly location?: string
  readonly userAgent?: string
  readonly fields?: readonly { readonly label: string; readonly value: string }[]
  /** A payment; asked only of devices that speak version 2 of the protocol. */
  readonly transaction?: Transaction
}

/**
 * What a payment is for. The person is shown amount and payee, and the signed answer covers both
 * (dynamic linking: Regulation (EU) 2018/389, article 5).
 */
export type Transaction = {
  /** A decimal number, as it is shown. */
  readonly amount: string
  /** ISO 4217. */
  readonly currency: string
  readonly payee: string
}

/**
 * The members of a request that the person must be shown, and the version that brought each. A
 * challenge that has one asks only devices that know it: nothing is ever left out. Members that are
 * not listed here may be ignored by devices that do not know them.
 */
export const mustShowSince = {
  'ctx.relyingParty': 1,
  'ctx.application': 1,
  'ctx.action': 1,
  'ctx.ip': 1,
  'ctx.location': 1,
  'ctx.userAgent': 1,
  'ctx.fields': 1,
  'ctx.transaction': 2,
  number: 1,
} as const satisfies Record<`ctx.${keyof ChallengeContext | 'relyingParty'}` | 'number', number>

type MustShowPath = keyof typeof mustShowSince

const paths = Object.keys(mustShowSince) as MustShowPath[]

function isPresent(path: MustShowPath, context: ChallengeContext, isNumberTyped: boolean): boolean {
  if (path === 'number') return isNumberTyped
  const name = path.slice('ctx.'.length)
  return name === 'relyingParty' || Object.hasOwn(context, name)
}

/** `must` of a request with this context: the paths that the person must be shown. */
export function mustShowPaths(context: ChallengeContext, isNumberTyped: boolean): MustShowPath[] {
  return paths.filter((path) => isPresent(path, context, isNumberTyped))
}

/** The version that a device must speak to be asked with this context. */
export function versionNeeded(context: ChallengeContext): number {
  return Math.max(...mustShowPaths(context, false).map((path) => mustShowSince[path]))
}
