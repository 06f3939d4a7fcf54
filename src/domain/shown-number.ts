// Numbers that a client of a door shows before the question is asked, because it has no page on which to show one afterwards.

import { type Refusal, refuse } from './refusal.ts'

/** How long one may wait for its question: as long as a login program waits for the person. */
export const shownNumberSeconds = 120

/**
 * The number that a question gets of those that its person was shown at one place. Of two, nobody knows which one the person who is
 * asked sees: neither counts.
 */
export function chooseShown<Shown extends { readonly live: boolean }>(
  taken: readonly Shown[],
): Shown | Refusal {
  const [first, ...others] = taken.filter(({ live }) => live)
  if (first === undefined) return refuse('caller_number_missing')
  return others.length === 0 ? first : refuse('numbers_ambiguous', { retryAfterSeconds: 1 })
}
