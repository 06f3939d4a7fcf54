import { randomFillSync } from 'node:crypto'
import type { Clock } from '../world.ts'

const poolBytes = 4_096
const chanceBytes = 10
/** Leaves room to count, so that the counter does not overflow within a millisecond. */
const counterStartMax = 2 ** 31
const counterMax = 2 ** 32

/**
 * Generates UUIDs of version 7 (RFC 9562, 5.7): the time of this clock, a counter of 32 bits with a
 * random start (6.2, method 1), and 42 random bits. Ascending, also while the clock goes back.
 */
export function buildUuids(clock: Clock): () => Uint8Array {
  const pool = Buffer.alloc(poolBytes)
  let usedBytes = poolBytes
  let time = 0
  let counter = 0

  function drawChance(): number {
    if (usedBytes + chanceBytes > poolBytes) {
      randomFillSync(pool)
      usedBytes = 0
    }
    usedBytes += chanceBytes
    return usedBytes - chanceBytes
  }

  return () => {
    const now = clock.now().getTime()
    const chance = drawChance()
    if (now > time) {
      time = now
      counter = pool.readUInt32BE(chance) % counterStartMax
    } else {
      counter += 1
      if (counter === counterMax) {
        time += 1
        counter = 0
      }
    }
    const bytes = Buffer.allocUnsafeSlow(16)
    bytes.writeUIntBE(time, 0, 6)
    bytes.writeUInt16BE(0x7000 | (counter >>> 20), 6)
    pool.copy(bytes, 10, chance + 4, chance + 10)
    bytes.writeUInt16BE(0x8000 | ((counter >>> 6) & 0x3fff), 8)
    bytes[10] = ((counter & 0x3f) << 2) | ((pool[chance + 4] ?? 0) & 0x03)
    return bytes
  }
}
