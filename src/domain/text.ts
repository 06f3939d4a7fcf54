// Text that people read while they decide: how it is cleaned, and which characters it must not
// hold.

// Scripts whose letters join or stack, so that a (non-)joiner between them changes what is read:
// those with a Joining_Type of their own, and those with a virama. RFC 5892, appendix A.1 and A.2,
// in the properties that regular expressions have.
const joining =
  '[[\\p{L}\\p{M}]&&[\\p{scx=Arab}\\p{scx=Syrc}\\p{scx=Nkoo}\\p{scx=Mong}\\p{scx=Adlm}' +
  '\\p{scx=Rohg}\\p{scx=Mand}' +
  '\\p{scx=Deva}\\p{scx=Beng}\\p{scx=Guru}\\p{scx=Gujr}\\p{scx=Orya}\\p{scx=Taml}' +
  '\\p{scx=Telu}\\p{scx=Knda}' +
  '\\p{scx=Mlym}\\p{scx=Sinh}\\p{scx=Khmr}\\p{scx=Mymr}\\p{scx=Tibt}\\p{scx=Bali}\\p{scx=Java}]]'
const virama =
  '[\\u094D\\u09CD\\u0A4D\\u0ACD\\u0B4D\\u0BCD\\u0C4D\\u0CCD\\u0D4D\\u0DCA\\u1039\\u17D2\\u1B44' +
  '\\uA9C0]'
const joiner = '[\\u200C\\u200D]'
const allowedSequences =
  `\\p{RGI_Emoji}|(?<=${joining})${joiner}(?=${joining})|` + `(?<=${virama})${joiner}`

// Control, format (bidi overrides, zero width), private use, surrogates, line and paragraph
// separators, and characters without a shape (Hangul fillers, the braille blank): all can make one
// text look like another (Trojan Source, CVE-2021-42574). Variation selectors choose between shapes
// of the character before them; names and emoji need them.
const hiddenCharacters =
  '[\\p{Cc}\\p{Cf}\\p{Co}\\p{Cs}\\p{Zl}\\p{Zp}\\u2800' +
  '[\\p{Default_Ignorable_Code_Point}--\\p{Variation_Selector}]]'
const anyHidden = new RegExp(hiddenCharacters, 'v')
let hiddenOrJustified: RegExp | undefined
/** Built for the first text that needs it: the list of all emoji takes 0.1 s. */
const hiddenOrJustifiedPattern = () => {
  hiddenOrJustified ??= new RegExp(`${allowedSequences}|(?<hidden>${hiddenCharacters})`, 'gv')
  return hiddenOrJustified
}

/**
 * True for a text without control characters and without half a surrogate pair. Such a text is the
 * same wherever it has been: PostgreSQL keeps neither NUL nor half a pair, addresses replace the
 * half, and forms rewrite line breaks.
 */
export function isPlainText(text: string): boolean {
  return !/[\p{Cc}\p{Cs}]/u.test(text)
}

// More marks than any script stacks on one letter: such text covers its neighboring lines.
const stackedMarks = /\p{M}{5}/u

/** The text with `instead` for every hidden character; joiners where they join, and emoji, stay. */
function withoutHidden(text: string, instead: string): string {
  if (!anyHidden.test(text)) return text
  return text.replaceAll(hiddenOrJustifiedPattern(), (match, ...rest) =>
    (rest.at(-1) as { readonly hidden?: string }).hidden === undefined ? match : instead,
  )
}

/** Every UTF-16 unit in JSON's escape notation, so that a text in JSON stays the same text. */
function escapeUnits(text: string): string {
  return text
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}

/**
 * The text with every character that hides, moves or overwrites other text escaped (`\u001b`), line
 * feeds too: safe for a terminal or a line of a log, whatever its source.
 */
export function spellOutHidden(text: string): string {
  if (!anyHidden.test(text)) return text
  return text.replaceAll(hiddenOrJustifiedPattern(), (match, ...rest) =>
    (rest.at(-1) as { readonly hidden?: string }).hidden === undefined ? match : escapeUnits(match),
  )
}

const spaceOrMark = /^[\p{Zs}\u200B-\u200F\u061C\u2060\uFEFF]$/u
const afterVirama = new RegExp(`${virama}${joiner}$`, 'v')

/**
 * Without invisible characters at its ends. Step by step, because a pattern would scan a long run
 * of spaces once for each of them.
 */
function withoutEdges(text: string): string {
  let [from, to] = [0, text.length]
  while (from < to && spaceOrMark.test(text.charAt(from))) from++
  while (to > from && spaceOrMark.test(text.charAt(to - 1))) {
    if (afterVirama.test(text.slice(Math.max(from, to - 2), to))) break
    to--
  }
  return text.slice(from, to)
}

/**
 * The text as it is stored, signed and shown: composed (NFC), without soft hyphens, and without
 * spaces, joiners and direction marks at its ends, which keyboards and word processors leave
 * behind. Cleaning twice changes nothing. Characters that hide or reorder text stay, so that the
 * text is refused.
 */
export function cleanText(text: string): string {
  // Composed first: it puts marks into another order, and a joiner at the end stays by the mark
  // before it.
  return withoutEdges(text.replaceAll('\u00AD', '').normalize('NFC'))
}

/**
 * True when the text is lines that show all that they hold: nothing invisible but line feeds and
 * tabs, and not blank.
 */
export function areShowableLines(text: string): boolean {
  const plain = text.replaceAll(/[\n\t]/g, ' ')
  return plain.trim() !== '' && withoutHidden(plain, '') === plain
}

/**
 * True when the text is as `cleanText` leaves it, not blank, at most `lengthMax` UTF-16 units, and
 * shows all that it holds.
 */
export function isShowable(text: string, lengthMax: number): boolean {
  return (
    text.length <= lengthMax &&
    text !== '' &&
    text === cleanText(text) &&
    withoutHidden(text, '') === text &&
    !stackedMarks.test(text)
  )
}

/**
 * The showable part of a text that a client passes on from unauthenticated sources: without
 * characters that would hide, move or overwrite other text (on phones and on terminals), and no
 * longer than allowed; undefined when nothing is left.
 */
export function showablePart(text: string, lengthMax: number): string | undefined {
  const toShowable = (part: string) =>
    cleanText(
      withoutHidden(part.toWellFormed().normalize('NFC'), ' ')
        .replaceAll(/(\p{M}{4})\p{M}+/gu, '$1')
        .replaceAll(/\s+/g, ' '),
    )
  const cut = toShowable(text).slice(0, lengthMax)
  // Where an emoji or a letter with its joiner was cut in two, the remainder is no valid text.
  const short = toShowable(cut.replace(/[\uD800-\uDBFF]$/, ''))
  return isShowable(short, lengthMax) ? short : undefined
}

/**
 * True for a text that names somebody or something to machines: in one spelling only, so without
 * anything that `cleanText` would drop or compose, and without joiners even where they join.
 */
export function isIdentifier(text: string, lengthMax: number): boolean {
  return isShowable(text, lengthMax) && !anyHidden.test(text)
}
