import type { Policy } from './policy.ts'
import { type Refusal, refuse } from './refusal.ts'
import { withAsciiDigits } from './typed-text.ts'

/** How the number comes about: made by us, shown by the caller on a screen of its own, or not at all. */
export type NumberMode = 'service' | 'caller' | 'none'

/** What a relying party may ask for. */
export type NumberRequest =
  | { readonly mode: 'service'; readonly digits?: number }
  | { readonly mode: 'caller'; readonly value: string }
  | { readonly mode: 'none' }

/** The number a challenge will have, before it is drawn. */
export type NumberPlan = {
  readonly mode: NumberMode
  /** Null when there is nothing to type. */
  readonly digits: number | null
  /** Wrong numbers that end the challenge; one when there are fewer than six digits. */
  readonly wrongNumbersMax: number
}

const digitsMax = 8
const asciiDigits = /^[0-9]+$/

/**
 * Decides how a challenge is numbered. A request may ask for more than the policy does, never for less; `askedBy` is the relying
 * party or integration that asks.
 */
export function planNumber(
  policy: Policy,
  asked: NumberRequest,
  askedBy: string,
): NumberPlan | Refusal {
  if (asked.mode === 'none') {
    if (!policy.numberNoneAllowedFor.includes(askedBy)) return refuse('number_none_not_allowed')
    return { mode: 'none', digits: null, wrongNumbersMax: policy.wrongNumbersMax }
  }
  const digits =
    asked.mode === 'caller' ? asked.value.length : (asked.digits ?? policy.numberDigits)
  if (digits > digitsMax || (asked.mode === 'caller' && !asciiDigits.test(asked.value))) {
    return refuse('invalid_request', { hint: `A number is ${digitsMax} ASCII digits at most.` })
  }
  if (digits < policy.numberDigits) {
    return refuse('number_too_short', { facts: { digitsMin: policy.numberDigits } })
  }
  return {
    mode: asked.mode,
    digits,
    wrongNumbersMax: digits < 6 ? 1 : policy.wrongNumbersMax,
  }
}

/** True for exactly `digits` ASCII digits, leading zeros kept: other scripts' digits, signs and exponents are no number. */
export function isNumberOf(digits: number, text: string): boolean {
  return text.length === digits && asciiDigits.test(text)
}

// The dot that hides a digit sets nothing apart, or what was hidden would join what stands around it.
const gap = '[^\\p{L}\\p{N}•]*'

/**
 * Hides the caller's number in a text that the device shows, also where its digits are of another script or set apart by anything
 * that is neither letter nor digit. Of a text that holds it the other digits become ASCII, too.
 */
export function hideNumber(text: string, number: string): string {
  const ascii = withAsciiDigits(text)
  const pattern = new RegExp(number.split('').join(gap), 'gu')
  return pattern.test(ascii) ? ascii.replaceAll(pattern, '•'.repeat(number.length)) : text
}
