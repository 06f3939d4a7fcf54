/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function randomsOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const rankedItems = items.map((item) => ({ item, rank: random() }))
  return rankedItems.toSorted((a, b) => a.rank - b.rank).map(({ item }) => item)
}

/**
 * At most `limit` of all items, by the seed, in the order that they had; from each group as many as
 * from any other that has so many.
 */
export function sample<T>(groups: readonly (readonly T[])[], limit: number, seed: number): T[][] {
  const random = randomsOf(seed)
  const shuffledGroups = groups.map((group) => shuffle(group, random))
  const selections = groups.map(() => new Set<T>())
  let rest = limit
  for (
    let round = 0;
    rest > 0 && shuffledGroups.some((group) => round < group.length);
    round += 1
  ) {
    for (const [index, group] of shuffledGroups.entries()) {
      const item = group[round]
      if (item === undefined || rest === 0) continue
      selections[index]?.add(item)
      rest -= 1
    }
  }
  return groups.map((group, index) => group.filter((item) => selections[index]?.has(item)))
}
