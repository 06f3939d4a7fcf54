// Text that people read on a phone while they decide: what may stand in it.

// Control, format (bidi overrides, zero width), private use, surrogates, line and paragraph separators, and characters
// without a shape (Hangul fillers, the braille blank): all can make one text look like another (Trojan Source,
// CVE-2021-42574). Variation selectors choose between shapes of the character before them; names and emoji need them.
const unshowable =
  /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u2800[\p{Default_Ignorable_Code_Point}--\p{Variation_Selector}]]/v

// More marks than any script stacks on one letter: text that climbs over its neighbours.
const stacked = /\p{M}{5}/u

/** True when the text is lines that show what they say: nothing invisible but line feeds and tabs, and not blank. */
export function areShowableLines(text: string): boolean {
  return text.trim() !== '' && !unshowable.test(text.replaceAll(/[\n\t]/g, ''))
}

/** True when the text is in NFC, not blank, at most `lengthMax` UTF-16 units, and shows what it says. */
export function isShowable(text: string, lengthMax: number): boolean {
  return (
    text.length <= lengthMax &&
    text.trim() !== '' &&
    !unshowable.test(text) &&
    !stacked.test(text) &&
    text === text.normalize('NFC')
  )
}

const unshowables = new RegExp(unshowable, 'gv')

/**
 * What can be shown of a text that a client passes on from strangers: without what would hide, move or overwrite other text (on
 * phones and on terminals), and no longer than allowed; undefined when nothing is left.
 */
export function showablePart(text: string, lengthMax: number): string | undefined {
  const plain = text
    .toWellFormed()
    .normalize('NFC')
    .replaceAll(unshowables, ' ')
    .replaceAll(/(\p{M}{4})\p{M}+/gu, '$1')
    .replaceAll(/\s+/g, ' ')
    .trim()
  const short = plain
    .slice(0, lengthMax)
    .replace(/[\uD800-\uDBFF]$/, '')
    .trim()
  return isShowable(short, lengthMax) ? short : undefined
}
