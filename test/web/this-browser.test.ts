import { expect, test } from 'vitest'
import { describeBrowser } from '../../web/authenticator/this-browser.ts'

const base = 'Mozilla/5.0'
const webkit = 'AppleWebKit/605.1.15 (KHTML, like Gecko)'

test.each([
  [
    `${base} (Windows NT 10.0; Win64; x64) ${webkit} Chrome/156.0 Safari/537.36`,
    'Chrome',
    'Windows',
  ],
  [`${base} (Windows NT 10.0) ${webkit} Chrome/156.0 Safari/537.36 Edg/156.0`, 'Edge', 'Windows'],
  [
    `${base} (iPhone; CPU iPhone OS 26_0 like Mac OS X) ${webkit} Version/26 Safari/604.1`,
    'Safari',
    'iPhone',
  ],
  [
    `${base} (Linux; Android 16) ${webkit} SamsungBrowser/29 Chrome/156 Safari/537`,
    'Samsung Internet',
    'Android',
  ],
  [`${base} (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0`, 'Firefox', 'Linux'],
  ['', 'Browser', 'Web'],
])('%s is named as its owner would', (userAgent, browser, system) => {
  expect(describeBrowser(userAgent)).toEqual({ browser, system })
})
