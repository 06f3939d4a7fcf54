// What people type from another screen or paper: codes and numbers, through keyboards of all
// scripts and word processors.

const digit = /\p{Nd}/gu
const isDigit = (codePoint: number) => /^\p{Nd}$/u.test(String.fromCodePoint(codePoint))

/**
 * Digits come in runs of ten, from zero on (Unicode, 4.6): the value is the distance from the start
 * of the run.
 */
function digitOf(character: string): string {
  const codePoint = character.codePointAt(0) ?? 0
  let first = codePoint
  while (isDigit(first - 1)) first--
  return String((codePoint - first) % 10)
}

/** The text with decimal digits of every script (`\p{Nd}`) as ASCII digits. */
function withAsciiDigits(text: string): string {
  return text.replaceAll(digit, (character) => (character <= '9' ? character : digitOf(character)))
}

// White space, dashes, quotation marks, dots and commas, marks on letters, and invisible characters
// that direct the text.
const setApart = /[\p{White_Space}\p{Pd}\u2212\p{Pi}\p{Pf}"'.,\u00B7\u2022_\p{M}\p{Cf}]/gu

/**
 * The intended text of what was typed: ASCII digits, without separators (docs/protocol.md, section
 * 4). This is what gets signed, never the text as typed.
 */
export function plainTypedText(text: string): string {
  return withAsciiDigits(text).replaceAll(setApart, '')
}

/**
 * The number in ASCII digits, the only form that may be signed. Throws a RangeError when the text
 * is not a number of that length.
 */
export function digitsIn(typedText: string, length: number): string {
  const number = plainTypedText(typedText)
  if (number.length === length && /^[0-9]+$/.test(number)) return number
  throw new RangeError(`the number has exactly ${length} digits`)
}
