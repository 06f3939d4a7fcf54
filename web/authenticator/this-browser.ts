// How this browser describes itself to its owner: a name that people recognise in a list.

const browsers: readonly (readonly [RegExp, string])[] = [
  [/Edg\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/SamsungBrowser\//, 'Samsung Internet'],
  [/(?:Firefox|FxiOS)\//, 'Firefox'],
  [/(?:Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/Safari\//, 'Safari'],
]
const systems: readonly (readonly [RegExp, string])[] = [
  [/iPad/, 'iPad'],
  [/iPhone/, 'iPhone'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'Mac'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
]

const firstOf = (list: readonly (readonly [RegExp, string])[], text: string, other: string) =>
  list.find(([pattern]) => pattern.test(text))?.[1] ?? other

/** Names from a `User-Agent` header; nothing depends on their being right. */
export function describeBrowser(userAgent: string): {
  readonly browser: string
  readonly system: string
} {
  return {
    browser: firstOf(browsers, userAgent, 'Browser'),
    system: firstOf(systems, userAgent, 'Web'),
  }
}
