// How clients of the Auth API sign: HMAC over a different text for each version, and nothing on the
// wire says which version. Facts of the wire format: docs/integrations/duo-auth-api.md.

/** A call as it was received. */
export type SignedCall = {
  /** `X-Duo-Date`, else `Date`, letter by letter. */
  readonly date: string
  readonly method: string
  /**
   * The host name by which the client calls us: the `Host` header, with or without a port, in any
   * case.
   */
  readonly host: string
  /** Without the query. */
  readonly path: string
  /** Decoded members of a query or form; none where the body is JSON. */
  readonly params: readonly (readonly [name: string, value: string])[]
  /** The exact bytes of a JSON body; null for a form, whose members are signed instead. */
  readonly json: Uint8Array | null
  /** All headers, names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** The algorithm of a signature, as far as its length shows it. */
export type SignatureAlgorithm = 'sha1' | 'sha512'

/** A text and an algorithm with which a signature may have been made. */
export type SignatureCandidate = {
  readonly algorithm: SignatureAlgorithm
  readonly text: string
  /** Whether the date is part of the text; otherwise nothing proves when the call was made. */
  readonly isDated: boolean
}

/** How far the clock of a client may be off, in each direction. */
const clockSkewMaxSeconds = 300

const algorithms: Readonly<Record<number, SignatureAlgorithm>> = { 40: 'sha1', 128: 'sha512' }

/** The algorithm of a signature in lower-case hex; undefined for text that is no signature. */
export function algorithmOf(signature: string): SignatureAlgorithm | undefined {
  return /^[0-9a-f]+$/.test(signature) ? algorithms[signature.length] : undefined
}

/**
 * True when the date (RFC 5322) is within the skew of now. Text without a time zone could be any
 * time: never true.
 */
export function isTimely(date: string, now: Date): boolean {
  if (!/^[A-Za-z]{3}, [0-9]{1,2} [A-Za-z]{3} [0-9]{4} [0-9:]{8} (?:GMT|[+-][0-9]{4})$/.test(date)) {
    return false
  }
  const apart = Math.abs(Date.parse(date) - now.getTime())
  return apart <= clockSkewMaxSeconds * 1000
}

/**
 * RFC 3986, 2.3: everything but the unreserved characters. `encodeURIComponent` leaves five more as
 * they are.
 */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

const byText = (one: string, other: string) => (one < other ? -1 : Number(one > other))

/** The members in the canonical spelling that is signed: sorted by name, then by value. */
export function canonicalParams(params: SignedCall['params']): string {
  return params
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([one, value], [other, its]) => byText(one, other) || byText(value, its))
    .map((pair) => pair.join('='))
    .join('&')
}

/** The headers that version 5 covers, in the canonical spelling that is hashed. */
function canonicalHeaders(headers: SignedCall['headers']): string {
  return headers
    .filter(([name]) => name.startsWith('x-duo-'))
    .toSorted(([one], [other]) => byText(one, other))
    .flat()
    .join('\0')
}

/** What every version signs: host names in lower case, without the port. */
function datelessLines({ method, host, path, params }: SignedCall): readonly string[] {
  const name = host.toLowerCase().replace(/:[0-9]*$/, '')
  return [method.toUpperCase(), name, path, canonicalParams(params)]
}

/**
 * The texts that a call of version 1 may have been signed over: none where the body is JSON, which
 * no signature of it would cover. Released clients sign no date; duo_unix 2.0.4 and 2.1.0 sign it
 * as version 2 does.
 */
export function legacyCandidates(
  call: SignedCall,
  algorithm: SignatureAlgorithm,
): SignatureCandidate[] {
  if (call.json !== null) return []
  const lines = datelessLines(call)
  return [
    { algorithm, text: lines.join('\n'), isDated: false },
    { algorithm, text: [call.date, ...lines].join('\n'), isDated: true },
  ]
}

/**
 * Every text that this call may have been signed over: version 2 for forms and queries, versions 4
 * and 5 for JSON and queries. At most four, so that checking a signature that matches none is
 * cheap. Only version 2 is known to use SHA-1.
 */
export function signatureCandidates(
  call: SignedCall,
  algorithm: SignatureAlgorithm,
  sha512Hex: (bytes: Uint8Array | string) => string,
): SignatureCandidate[] {
  const { date, method, json } = call
  const second = [date, ...datelessLines(call)].join('\n')
  const hasForm = json === null && method.toUpperCase() !== 'GET'
  const texts = json === null ? [second] : []
  if (!hasForm && algorithm === 'sha512') {
    const fourth = `${second}\n${sha512Hex(json ?? '')}`
    const dateless = call.headers.filter(([name]) => name !== 'x-duo-date')
    // Some clients hash the header that carries the date among the others, some do not.
    const hashes = new Set([call.headers, dateless].map((one) => sha512Hex(canonicalHeaders(one))))
    texts.push(fourth, ...[...hashes].map((hash) => `${fourth}\n${hash}`))
  }
  return texts.map((text) => ({ algorithm, text, isDated: true }))
}
