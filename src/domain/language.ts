// Languages of people: tags of RFC 5646 (BCP 47), matched by the lookup of RFC 4647.

/**
 * RFC 5646, 4.4.1: at least 35. Phones add extensions for calendars and measures, which are stored
 * and match nothing.
 */
export const languageTagLengthMax = 64

// RFC 5646, 2.1.
const language = '(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4}|[a-z]{5,8})'
const script = '(?:-[a-z]{4})?'
const region = '(?:-(?:[a-z]{2}|[0-9]{3}))?'
const variants = '(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*'
const extensions = '(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*'
const privateUse = 'x(?:-[a-z0-9]{1,8})+'
const irregular =
  'en-gb-oed|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)|' +
  'sgn-(?:be-fr|be-nl|ch-de)'
const wellFormed = new RegExp(
  `^(?:${language}${script}${region}${variants}${extensions}(?:-${privateUse})?|` +
    `${privateUse}|${irregular})$`,
  'i',
)

/** Whether it is well-formed (RFC 5646, 2.2.9); whether such a language exists is not asked. */
export function isLanguageTag(text: string): boolean {
  return text.length <= languageTagLengthMax && wellFormed.test(text)
}

/** The tag in the case that RFC 5646, 2.1.1 recommends: one spelling of each. */
export function languageTagOf(text: string): string {
  const subtags = text.toLowerCase().split('-')
  const singletonAt = subtags.findIndex(({ length }) => length === 1)
  return subtags
    .map((subtag, at) => {
      const isPlain = at === 0 || (singletonAt !== -1 && at > singletonAt)
      if (isPlain || !/^(?:[a-z]{2}|[a-z]{4})$/.test(subtag)) return subtag
      return subtag.length === 2
        ? subtag.toUpperCase()
        : `${subtag.charAt(0).toUpperCase()}${subtag.slice(1)}`
    })
    .join('-')
}

/** The range, then shorter ones: a subtag of one character goes with the one after it. */
function shorterRanges(range: string): string[] {
  const ranges: string[] = []
  for (let subtags = range.split('-'); subtags.length > 0; subtags = subtags.slice(0, -1)) {
    if (ranges.length === 0 || subtags.at(-1)?.length !== 1) ranges.push(subtags.join('-'))
  }
  return ranges
}

/**
 * Lookup (RFC 4647, 3.4): the best of the available languages for a list of ranges in order of
 * preference, `nl-BE` falling back to `nl`; undefined where none fits. `*` is skipped, as that
 * section says, and so is what is no tag.
 */
export function lookUpLanguage<Language extends string>(
  ranges: readonly string[],
  available: readonly Language[],
): Language | undefined {
  for (const range of ranges.filter(isLanguageTag)) {
    for (const shorter of shorterRanges(range.toLowerCase())) {
      const match = available.find((one) => one.toLowerCase() === shorter)
      if (match !== undefined) return match
    }
  }
  return undefined
}

const weightedRange = /^([a-z0-9-]+)(?:[ \t]*;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?$/i

/** Of a longer list no more is read: no caller makes the service sort megabytes. */
const rangesMax = 20
const listLengthMax = 1000

/**
 * The ranges of an `Accept-Language` (RFC 9110, 12.5.4), the heaviest first and equal ones in their
 * order. Those of weight zero and malformed ones are left out.
 */
export function acceptedLanguages(header: string | undefined): string[] {
  return (header ?? '')
    .slice(0, listLengthMax)
    .split(',', rangesMax)
    .flatMap((item) => {
      const [, range = '', q = '1'] = weightedRange.exec(item.trim()) ?? []
      return range !== '' && Number(q) > 0 ? [{ range, weight: Number(q) }] : []
    })
    .sort((a, b) => b.weight - a.weight)
    .map(({ range }) => range)
}

/** What a browser says about the language of its person. */
export type PageLanguageHints = {
  /** `ui_locales` (OpenID Connect Core 1.0, 3.1.2.1): tags by preference, with spaces between. */
  readonly uiLocales?: string | undefined
  /** What was chosen before in this browser. */
  readonly cookie?: string | undefined
  readonly acceptLanguage?: string | undefined
}

/** The language of a page: what was asked for, then what was chosen before, then the browser's. */
export function pageLanguage<Language extends string>(
  { uiLocales = '', cookie = '', acceptLanguage }: PageLanguageHints,
  available: readonly Language[],
): Language | undefined {
  const wishes = uiLocales.slice(0, listLengthMax).split(' ', rangesMax)
  return lookUpLanguage([...wishes, cookie, ...acceptedLanguages(acceptLanguage)], available)
}
