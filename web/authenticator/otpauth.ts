// Codes of other services, as they hand over their secrets: an address in a QR code, or typed.

/** A secret of another service. */
export type OtherSecret = {
  readonly issuer: string
  readonly name: string
  /** Base32, in capitals and without padding. */
  readonly secret: string
  readonly hash: 'SHA-1' | 'SHA-256' | 'SHA-512'
  readonly digits: number
  readonly period: number
}

const hashes = { SHA1: 'SHA-1', SHA256: 'SHA-256', SHA512: 'SHA-512' } as const
/** 80 bits at least, which are common; longer than any hash has use for. */
const shape = /^[A-Z2-7]{16,256}$/
const labelLengthMax = 64

/** Base32 as people copy it, in its one form; null for anything else. */
export function readSecret(text: string): string | null {
  const plain = text.replaceAll(/[\s\-=]/g, '').toUpperCase()
  return shape.test(plain) ? plain : null
}

/** A label of others, as one short line. */
export function plainLabel(text: string): string {
  return text.replaceAll(/\p{C}/gu, '').trim().slice(0, labelLengthMax)
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

function wholeIn(text: string | null, usual: number, min: number, max: number): number | null {
  if (text === null) return usual
  const value = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN
  return value >= min && value <= max ? value : null
}

/**
 * Reads an `otpauth://totp/` address (Key Uri Format); null for any other text, and for codes of
 * another kind: they would never be right.
 */
export function readOtpauth(text: string): OtherSecret | null {
  const url = URL.parse(text.trim())
  if (url?.protocol !== 'otpauth:' || url.hostname.toLowerCase() !== 'totp') return null
  const query = url.searchParams
  const secret = readSecret(query.get('secret') ?? '')
  const algorithm = (query.get('algorithm') ?? 'SHA1').toUpperCase().replace('-', '')
  const digits = wholeIn(query.get('digits'), 6, 6, 8)
  const period = wholeIn(query.get('period'), 30, 15, 300)
  const label = decode(url.pathname.slice(1))
  if (!secret || !digits || !period || label === null) return null
  if (!Object.hasOwn(hashes, algorithm)) return null
  const issuer = query.get('issuer')
  const [, prefix = '', name = ''] = label.startsWith(`${issuer}:`)
    ? [null, issuer ?? '', label.slice(`${issuer}:`.length)]
    : (/^(?:([^:]*):)?(.*)$/s.exec(label) ?? [])
  return {
    issuer: plainLabel(issuer ?? prefix),
    name: plainLabel(name),
    secret,
    hash: hashes[algorithm as keyof typeof hashes],
    digits,
    period,
  }
}
