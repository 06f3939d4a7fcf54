// Codes for when there is no network (RFC 6238), on WebCrypto.

import type { PasscodeSecret } from '../../clients/device/src/device.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Base32 (RFC 4648) without padding. */
function bytesOf(secret: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.floor((secret.length * 5) / 8))
  let bits = 0
  let value = 0
  let at = 0
  for (const character of secret) {
    value = (value << 5) | alphabet.indexOf(character)
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = (value >>> bits) & 0xff
    value &= (1 << bits) - 1
  }
  return bytes
}

/** Of codes: how long they are, and the seconds for which each counts. */
export type CodeForm = { readonly digits: number; readonly period: number }

/** Also where the type of the platform has no name. */
type HmacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

/** The key of codes under a secret in base32; it cannot be exported again. */
export function codeKey(secret: string, hash: 'SHA-1' | 'SHA-256' | 'SHA-512'): Promise<HmacKey> {
  return crypto.subtle.importKey('raw', bytesOf(secret), { name: 'HMAC', hash }, false, ['sign'])
}

/** The code of the period in which `nowMs` lies. */
export async function codeAt(
  key: HmacKey,
  { digits, period }: CodeForm,
  nowMs: number,
): Promise<string> {
  const counter = new DataView(new ArrayBuffer(8))
  counter.setBigUint64(0, BigInt(Math.floor(nowMs / 1000 / period)))
  const mac = new DataView(await crypto.subtle.sign('HMAC', key, counter.buffer))
  const offset = mac.getUint8(mac.byteLength - 1) & 0xf
  const number = mac.getUint32(offset) & 0x7fffffff
  return String(number % 10 ** digits).padStart(digits, '0')
}

/** The service's code of the period in which `nowMs` (the service's time) lies. */
export async function passcodeAt(secret: PasscodeSecret, nowMs: number): Promise<string> {
  return codeAt(await codeKey(secret.secret, 'SHA-256'), secret, nowMs)
}

/** Whole seconds until the next code. */
export function secondsLeft({ period }: Pick<CodeForm, 'period'>, nowMs: number): number {
  return period - (Math.floor(nowMs / 1000) % period)
}
