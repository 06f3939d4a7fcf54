import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkReturnUrl,
  returnOriginsFault,
  returnOriginsMax,
  returnUrlLengthMax,
} from '../../src/domain/return-url.ts'

const bank = 'https://bank.example.com'
const refusal = { refused: 'return_url_not_allowed' }

describe('a return origin', () => {
  test('is an https origin as browsers write it, with or without a port', () => {
    const origins = [bank, 'https://bank.example.com:8443', 'https://xn--bcher-kva.example']
    expect(returnOriginsFault(origins)).toBeUndefined()
    expect(returnOriginsFault([])).toBeUndefined()
  })

  test.each([
    'http://bank.example.com',
    'https://bank.example.com/',
    'https://bank.example.com/path',
    'https://Bank.example.com',
    'https://bank.example.com:443',
    'https://user@bank.example.com',
    'https://*.example.com',
    'https://bücher.example',
    'bank.example.com',
    'com.example.app:',
    'javascript:alert(1)',
    '',
  ])('is not %j', (origin) => {
    expect(returnOriginsFault([origin])).toContain('https')
  })

  test('is listed once, and there are twenty at most', () => {
    expect(returnOriginsFault([bank, bank])).toContain('repeated')
    const many = Array.from({ length: returnOriginsMax }, (_, n) => `https://a${n}.example.com`)
    expect(returnOriginsFault(many)).toBeUndefined()
    expect(returnOriginsFault([...many, bank])).toContain(`${returnOriginsMax}`)
  })
})

describe('an address to return to', () => {
  test('may be anything in a listed origin, or left out', () => {
    for (const url of [undefined, `${bank}/`, `${bank}/a/b?c=d#e`]) {
      expect(checkReturnUrl(url, [bank])).toBeUndefined()
    }
  })

  test.each([
    ['another origin', 'https://evil.example/'],
    ['a host that only begins like it', 'https://bank.example.com.evil.example/'],
    ['a subdomain of it', 'https://a.bank.example.com/'],
    ['another port of it', 'https://bank.example.com:8443/'],
    ['http', 'http://bank.example.com/'],
    ['another scheme', 'com.example.bank://bank.example.com/'],
    ['a user before another host', 'https://bank.example.com@evil.example/'],
    ['a user before the host', 'https://ada@bank.example.com/'],
    ['a backslash that some parsers take for a slash', 'https://bank.example.com\\@evil.example/'],
    ['a backslash before the host', 'https:\\\\bank.example.com/'],
    ['a tab that parsers drop', 'https://bank.example.com/\t'],
    ['a space around it', ` ${bank}/`],
    ['capitals that parsers fold', 'https://BANK.example.com/'],
    ['no path at all', bank],
    ['a path that climbs', `${bank}/a/../b`],
    ['text that is no address', 'bank'],
    ['nothing', ''],
  ])('is refused with %s', (_, url) => {
    expect(checkReturnUrl(url, [bank])).toEqual(refusal)
  })

  test('is refused where the relying party has listed nothing, and beyond its length', () => {
    expect(checkReturnUrl(`${bank}/`, [])).toEqual(refusal)
    const longest = `${bank}/`.padEnd(returnUrlLengthMax, 'a')
    expect(checkReturnUrl(longest, [bank])).toBeUndefined()
    expect(checkReturnUrl(`${longest}a`, [bank])).toEqual(refusal)
  })

  test('that is accepted leads to a listed origin, byte for byte as it was checked', () => {
    const pieces = fc.constantFrom(
      'https:',
      '//',
      bank,
      'evil.example',
      '@',
      '\\',
      '/',
      ':',
      '#',
      '?',
      ' ',
    )
    const anyText = fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(anyText, fc.webUrl(), fc.string()), (text) => {
        if (checkReturnUrl(text, [bank])) return
        expect(text.startsWith(`${bank}/`)).toBe(true)
        expect(new URL(text).origin).toBe(bank)
        expect(new URL(text).href).toBe(text)
      }),
    )
  })
})
