// Text that people read on a phone while they decide: what may stand in it.

// Control, format (bidi overrides, zero width), private use, surrogates, line and paragraph separators: all can make one
// text look like another (Trojan Source, CVE-2021-42574).
const unshowable = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u

/** True when the text is in NFC, not blank, at most `lengthMax` UTF-16 units, and shows what it says. */
export function isShowable(text: string, lengthMax: number): boolean {
  return (
    text.length <= lengthMax &&
    text.trim() !== '' &&
    !unshowable.test(text) &&
    text === text.normalize('NFC')
  )
}
