/** Random choices that a seed repeats. */
export type Chance = {
  /** True in this share of the cases. */
  when(share: number): boolean
  pick<T>(list: readonly T[]): T
  /** So many of the list, in random order. */
  some<T>(list: readonly T[], count: number): T[]
}

/** Choices of the generator mulberry32. */
export function buildChance(seed: number): Chance {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const pick = <T>(list: readonly T[]): T => {
    const one = list[Math.floor(next() * list.length)]
    if (one === undefined) throw new Error('there is nothing to pick')
    return one
  }
  return {
    when: (share) => next() < share,
    pick,
    some(list, count) {
      const all = [...list]
      for (let last = all.length - 1; last > 0; last--) {
        const other = Math.floor(next() * (last + 1))
        ;[all[last], all[other]] = [all[other], all[last]] as [never, never]
      }
      return all.slice(0, count)
    },
  }
}
