// Numbers that a client of a door shows before the question is asked, because it has no page on
// which to show one afterwards.

import { type Refusal, refuse } from './refusal.ts'

/** How long a number may wait for its question: as long as a login program waits for the person. */
export const shownNumberSeconds = 120

/**
 * How long an unused offer of a client that signs no date stands alone: another one at the same
 * place would make both numbers void.
 */
export const offerPauseSeconds = 10

/**
 * The number for a question among those shown to its user at one place. With two of them, nobody
 * knows which one the user sees: neither counts.
 */
export function chooseShownNumber<Shown extends { readonly live: boolean }>(
  numbers: readonly Shown[],
): Shown | Refusal<'caller_number_missing' | 'numbers_ambiguous'> {
  const [first, ...others] = numbers.filter(({ live }) => live)
  if (first === undefined) return refuse('caller_number_missing')
  return others.length === 0 ? first : refuse('numbers_ambiguous', { retryAfterSeconds: 1 })
}
