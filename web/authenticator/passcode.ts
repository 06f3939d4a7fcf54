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

/** The code of the period in which `nowMs` (the service's time) lies. */
export async function passcodeAt(
  { secret, digits, period }: PasscodeSecret,
  nowMs: number,
): Promise<string> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', bytesOf(secret), algorithm, false, ['sign'])
  const counter = new DataView(new ArrayBuffer(8))
  counter.setBigUint64(0, BigInt(Math.floor(nowMs / 1000 / period)))
  const mac = new DataView(await crypto.subtle.sign('HMAC', key, counter.buffer))
  const offset = mac.getUint8(mac.byteLength - 1) & 0xf
  const number = mac.getUint32(offset) & 0x7fffffff
  return String(number % 10 ** digits).padStart(digits, '0')
}

/** Whole seconds until the next code. */
export function secondsLeft({ period }: PasscodeSecret, nowMs: number): number {
  return period - (Math.floor(nowMs / 1000) % period)
}
