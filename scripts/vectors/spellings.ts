// Texts that a lax parser reads as the same and that must be rejected; and invalid signatures.

import { sign } from 'node:crypto'
import {
  base64url,
  type Expected,
  ok,
  signature,
  signTexts,
  type TestKey,
  withTailBits,
} from './world.ts'

export type SpellingVector = {
  readonly name: string
  readonly jws: string
  readonly expected: Expected
}

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** The second valid signature (r, n-s) over the same input. */
function withOtherS(bytes: Buffer): Buffer {
  const s = order - BigInt(`0x${bytes.toString('hex', 32)}`)
  return Buffer.concat([
    bytes.subarray(0, 32),
    Buffer.from(s.toString(16).padStart(64, '0'), 'hex'),
  ])
}

/**
 * Spellings of one valid text. `malformed` and `notSigned` are the refusals of its kind; `accepted`
 * is the outcome of its contents.
 */
export function spellings(
  key: TestKey,
  header: Readonly<Record<string, unknown>>,
  payload: Readonly<Record<string, unknown>>,
  {
    malformed,
    notSigned,
    accepted = ok,
  }: { malformed: Expected; notSigned: Expected; accepted?: Expected },
): SpellingVector[] {
  const headerText = JSON.stringify(header)
  const payloadText = JSON.stringify(payload)
  const [h, p] = [base64url(headerText), base64url(payloadText)]
  const input = `${h}.${p}`
  const bytes = signature(key, input)
  const s = base64url(bytes)
  const der = sign('sha256', Buffer.from(input), key.privateKey)
  const firstName = Object.keys(payload)[0] ?? ''
  const repeatedName = `{${JSON.stringify(firstName)}:"x",${payloadText.slice(1)}`
  const vector = (name: string, jws: string, expectedText = malformed) => ({
    name,
    jws,
    expected: expectedText,
  })
  return [
    vector(
      'malleated signature (r, n-s): valid too, so no text is a replay key',
      `${input}.${base64url(withOtherS(bytes))}`,
      accepted,
    ),
    vector(
      'white space and escapes in the JSON are the signer’s affair',
      signTexts(key, JSON.stringify(header, null, 1), payloadText.replaceAll('/', '\\/')),
      accepted,
    ),
    vector(
      'signature in DER, as Security.framework and java.security give it',
      `${input}.${base64url(der)}`,
    ),
    vector(
      'signature with the unused bits of its last character set',
      `${input}.${withTailBits(s)}`,
    ),
    vector('padded signature', `${input}.${s}==`),
    vector('standard base64 alphabet', `${input}.${s.slice(0, 84)}+/`),
    vector('newline after', `${input}.${s}\n`),
    vector('newline within the signature', `${input}.${s.slice(0, 40)}\n${s.slice(40)}`),
    vector('no signature', `${input}.`),
    vector('detached payload', `${h}..${s}`),
    vector('JSON serialisation', JSON.stringify({ protected: h, payload: p, signature: s })),
    vector('payload with a repeated member', signTexts(key, headerText, repeatedName)),
    vector(
      'payload with a repeated member, once by escape',
      signTexts(
        key,
        headerText,
        repeatedName.replace(`"${firstName[0]}`, `"\\u00${firstName.charCodeAt(0).toString(16)}`),
      ),
    ),
    vector(
      'header with a repeated member',
      signTexts(key, `{"alg":"none",${headerText.slice(1)}`, payloadText),
    ),
    vector('payload that is a list', signTexts(key, headerText, `[${payloadText}]`)),
    vector('payload with a byte order mark', signTexts(key, headerText, `\uFEFF${payloadText}`)),
    vector('signature of zeros', `${input}.${base64url(Buffer.alloc(64))}`, notSigned),
    vector(
      'signature over other contents',
      `${input}.${base64url(signature(key, `${input}x`))}`,
      notSigned,
    ),
  ]
}

/** Headers that are not exactly `alg`, `typ`, `kid`. */
export function wrongHeaders(
  typ: string,
  kid: string,
): [name: string, header: Readonly<Record<string, unknown>>][] {
  const header = { alg: 'ES256', typ, kid }
  return [
    ['alg none', { ...header, alg: 'none' }],
    ['alg HS256', { ...header, alg: 'HS256' }],
    ['alg ES384', { ...header, alg: 'ES384' }],
    ['typ of another kind', { ...header, typ: 'JWT' }],
    ['no typ', { alg: 'ES256', kid }],
    ['no kid', { alg: 'ES256', typ }],
    ['kid that is no thumbprint', { ...header, kid: '../../keys/1' }],
    ['crit', { ...header, crit: ['exp'] }],
    ['jwk in the header', { ...header, jwk: { kty: 'EC' } }],
    ['jku in the header', { ...header, jku: 'https://attacker.example/jwks.json' }],
  ]
}
