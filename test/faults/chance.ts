/** Seeded random numbers: mulberry32, good enough to spread faults, not for secrets. */
export function createChance(seed: number) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    under: (share: number) => next() < share,
    /** A whole number from `least` to `most`. */
    between: (least: number, most: number) => least + Math.floor(next() * (most - least + 1)),
    of: <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T,
    word: () =>
      `w-${Math.floor(next() * 2 ** 32).toString(36)}-${Math.floor(next() * 2 ** 32).toString(36)}`,
  }
}

export type Chance = ReturnType<typeof createChance>
