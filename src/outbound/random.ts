import { randomBytes, randomInt } from 'node:crypto'
import { typeidUnboxed } from 'typeid-js'
import { type Id, type IdKind, idPrefixes } from '../domain/ids.ts'
import type { Random } from '../ports/world.ts'

// crypto.randomInt takes ranges below 2^48.
const digitsMax = 14

/**
 * Chance from the operating system's generator. Ids are TypeIDs over UUIDv7 (RFC 9562), ascending within the process. Throws
 * for a length or alphabet that it cannot serve uniformly.
 */
export const systemRandom: Random = {
  id<K extends IdKind>(kind: K) {
    return `${typeidUnboxed(idPrefixes[kind])}` as Id<K>
  },
  token(length) {
    return randomBytes(length).toString('base64url')
  },
  digits(length) {
    if (!(length >= 1 && length <= digitsMax)) {
      throw new RangeError(`1 to ${digitsMax} digits can be drawn, not ${length}`)
    }
    return String(randomInt(10 ** length)).padStart(length, '0')
  },
  characters(alphabet, length) {
    // Otherwise the first characters would come up more often than the last.
    if (alphabet.length === 0 || 256 % alphabet.length !== 0) {
      throw new RangeError(`an alphabet of ${alphabet.length} characters does not divide 256`)
    }
    return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join('')
  },
}
