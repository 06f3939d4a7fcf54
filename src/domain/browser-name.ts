// What a person recognises of a browser, from the header by which it describes itself.

// The first that fits counts: every browser also calls itself one of those below it.
const browsers = [
  ['Edge', /\bEdgi?A?(?:OS)?\//],
  ['Opera', /\bOPR\//],
  ['Samsung Internet', /\bSamsungBrowser\//],
  ['Firefox', /\b(?:Firefox|FxiOS)\//],
  ['Chrome', /(?:Chrome|Chromium|CriOS)\//],
  ['Safari', /\bSafari\//],
] as const

const systems = [
  ['iPhone', /\biPhone\b/],
  ['iPad', /\biPad\b/],
  ['Android', /\bAndroid\b/],
  ['Windows', /\bWindows\b/],
  ['ChromeOS', /\bCrOS\b/],
  ['macOS', /\bMac OS X\b/],
  ['Linux', /\bLinux\b/],
] as const

const readLengthMax = 512

/**
 * Browser and system, of a closed list: nothing that was sent comes back. Undefined where neither
 * is recognised; the sender of the header can claim any.
 */
export function browserName(
  userAgent: string | undefined,
): { readonly browser: string; readonly system: string | null } | undefined {
  const text = (userAgent ?? '').slice(0, readLengthMax)
  const [browser] = browsers.find(([, pattern]) => pattern.test(text)) ?? []
  const [system = null] = systems.find(([, pattern]) => pattern.test(text)) ?? []
  return browser === undefined ? undefined : { browser, system }
}
