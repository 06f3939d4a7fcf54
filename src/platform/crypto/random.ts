import { randomBytes, randomInt } from 'node:crypto'
import { fromUUIDBytes } from 'typeid-js'
import { type Id, type IdKind, idPrefixes } from '../../domain/ids.ts'
import { systemClock } from '../net/clock.ts'
import type { Clock, Random } from '../world.ts'
import { buildUuids } from './uuids.ts'

// crypto.randomInt takes ranges below 2^48.
const digitsMax = 14

/**
 * Randomness from the operating system's generator. Ids are TypeIDs over UUIDv7 (RFC 9562) of this
 * clock's time, ascending within the process even when the clock goes back. Throws for a length or
 * alphabet that it cannot serve uniformly.
 */
export function buildRandom(clock: Clock): Random {
  const nextUuid = buildUuids(clock)
  return {
    id<K extends IdKind>(kind: K) {
      return fromUUIDBytes(idPrefixes[kind], nextUuid()) as Id<K>
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
}

/** By the machine's clock, for what runs without a database. */
export const systemRandom: Random = buildRandom(systemClock)
