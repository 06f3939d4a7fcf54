import { describe, expect, test } from 'vitest'
import { browserName } from '../../src/domain/browser-name.ts'

const webkit = 'AppleWebKit/605.1.15 (KHTML, like Gecko)'
const chromium = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36'

describe('a browser is called what people call it', () => {
  test.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0', 'Firefox', 'Linux'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chromium}`, 'Chrome', 'Windows'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chromium} Edg/156.0.0.0`, 'Edge', 'Windows'],
    [`Mozilla/5.0 (Linux; Android 15) ${chromium} EdgA/156.0.0.0`, 'Edge', 'Android'],
    [
      `Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) ${webkit} EdgiOS/156 Safari/605`,
    ].concat('Edge', 'iPhone'),
    [`Mozilla/5.0 (X11; Linux x86_64) ${chromium} OPR/120.0`, 'Opera', 'Linux'],
    [`Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) ${webkit} Version/26.0 Safari/605`].concat(
      'Safari',
      'macOS',
    ),
    [`Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) ${webkit} CriOS/156 Safari/605`].concat(
      'Chrome',
      'iPad',
    ),
    [`Mozilla/5.0 (X11; CrOS x86_64) ${chromium}`, 'Chrome', 'ChromeOS'],
  ])('%s', (header, browser, system) => {
    expect(browserName(header)).toEqual({ browser, system })
  })

  test('and one that is none of those has no name', () => {
    for (const header of [undefined, '', 'curl/8', '<script>', `${' '.repeat(600)}Firefox/1`]) {
      expect(browserName(header)).toBeUndefined()
    }
    expect(browserName('Firefox/1')).toEqual({ browser: 'Firefox', system: null })
  })
})
