import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBase64url, toBase64url } from '../../src/domain/base64url.ts'

test('bytes have one spelling, that of Node', () => {
  const remainders = new Set<number>()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      remainders.add(bytes.length % 3)
      const text = toBase64url(bytes)
      expect(text).toBe(Buffer.from(bytes).toString('base64url'))
      expect(fromBase64url(text)).toEqual(bytes)
    }),
  )
  expect(remainders.size).toBe(3)
})

test.each([
  ['padding', 'QQ=='],
  ['bits of no byte', 'QR'],
  ['a length that no bytes have', 'QUJDR'],
  ['the other alphabet', 'ab+/'],
  ['a line break', 'QUJD\n'],
])('no text with %s is read', (_, text) => {
  expect(fromBase64url(text)).toBeUndefined()
})
