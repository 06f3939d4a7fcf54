// The same signatures in DER, as platforms return them, and in the form of JWS.

import { sign } from 'node:crypto'
import { base64url, keys } from './world.ts'

export type DerVector = {
  readonly name: string
  readonly input: string
  readonly der: string
  readonly raw: string
}

const input = 'countersign'

/** r and s of a DER signature, each in DER encoding. */
function parts(der: Buffer): [r: Buffer, s: Buffer] {
  const rLength = der.readUInt8(3)
  const sLength = der.readUInt8(5 + rLength)
  return [der.subarray(4, 4 + rLength), der.subarray(6 + rLength, 6 + rLength + sLength)]
}

/** 32 bytes: DER drops leading zero bytes, and adds one where the first bit is set. */
function fixedLength(integer: Buffer): Buffer {
  const bytes = integer.subarray(Math.max(0, integer.length - 32))
  return Buffer.concat([Buffer.alloc(32 - bytes.length), bytes])
}

function signUntil(fits: (r: Buffer, s: Buffer) => boolean): Pick<DerVector, 'der' | 'raw'> {
  for (;;) {
    const der = sign('sha256', Buffer.from(input), keys.possession.privateKey)
    const [r, s] = parts(der)
    if (fits(r, s)) {
      return {
        der: der.toString('hex'),
        raw: base64url(Buffer.concat([fixedLength(r), fixedLength(s)])),
      }
    }
  }
}

export const derVectors: readonly DerVector[] = [
  { name: 'both of 32 bytes', input, ...signUntil((r, s) => r.length === 32 && s.length === 32) },
  {
    name: 'both with a zero byte in front',
    input,
    ...signUntil((r, s) => r.length === 33 && s.length === 33),
  },
  { name: 'r shorter than 32 bytes', input, ...signUntil((r) => r.length < 32) },
  { name: 's shorter than 32 bytes', input, ...signUntil((_, s) => s.length < 32) },
]
