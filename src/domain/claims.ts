// Strict reading of signed JSON: exactly the known members, each of its type, or nothing.

type Kind = 'string' | 'integer' | 'boolean'
type Shape = Readonly<Record<string, Kind | `${Kind}?`>>

type ValueOf<K> = K extends 'string' ? string : K extends 'integer' ? number : boolean
type Claims<S extends Shape> = {
  readonly [P in keyof S as S[P] extends `${string}?` ? never : P]: ValueOf<S[P]>
} & {
  readonly [P in keyof S as S[P] extends `${string}?` ? P : never]?: S[P] extends `${infer K}?`
    ? ValueOf<K>
    : never
}

const stringLengthMax = 2048

function isKind(value: unknown, kind: Kind): boolean {
  if (kind === 'string') return typeof value === 'string' && value.length <= stringLengthMax
  if (kind === 'integer') return Number.isSafeInteger(value)
  return typeof value === 'boolean'
}

/**
 * The value as claims of this shape, or undefined when a member is missing, unknown or of another
 * type. Unknown members are refused because their signer means something that we would not honor.
 */
export function readClaims<const S extends Shape>(shape: S, value: unknown): Claims<S> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const members = value as Record<string, unknown>
  if (!Object.keys(members).every((name) => Object.hasOwn(shape, name))) return undefined
  for (const [name, rule] of Object.entries(shape)) {
    const optional = rule.endsWith('?')
    const kind = (optional ? rule.slice(0, -1) : rule) as Kind
    if (!Object.hasOwn(members, name)) {
      if (optional) continue
      return undefined
    }
    if (!isKind(members[name], kind)) return undefined
  }
  return members as Claims<S>
}

const thumbprint = /^[A-Za-z0-9_-]{43}$/

/** True for the spelling of an RFC 7638 thumbprint. */
export function isThumbprint(text: string): boolean {
  return thumbprint.test(text)
}

/** The `kid` of a header that is exactly `{alg: "ES256", typ, kid}`; RFC 8725, 3.1 and 3.11. */
export function readHeader(typ: string, header: unknown): { readonly kid: string } | undefined {
  const read = readClaims({ alg: 'string', typ: 'string', kid: 'string' }, header)
  if (read?.alg !== 'ES256' || read.typ !== typ || !isThumbprint(read.kid)) return undefined
  return { kid: read.kid }
}

/**
 * How far a device's clock may be off: FAPI 2.0 lets `iat` lie 10 s ahead; 60 s behind covers a
 * slow network.
 */
export const clockWindowSeconds = { behind: 60, ahead: 10 } as const

/** True when `iat` is within the window around the service's time. */
export function isFresh(iat: number, now: Date): boolean {
  const nowSeconds = now.getTime() / 1000
  return (
    iat >= nowSeconds - clockWindowSeconds.behind && iat <= nowSeconds + clockWindowSeconds.ahead
  )
}

const jtiPattern = /^[A-Za-z0-9_-]{16,64}$/

/** A `jti` that can be stored as a key: 16 to 64 characters of base64url. */
export function isJti(jti: string): boolean {
  return jtiPattern.test(jti)
}
