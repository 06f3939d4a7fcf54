import { describe, expect, test } from 'vitest'
import { addresses } from '../../../src/platform/net/addresses.ts'

describe('an address', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.255', '192.0.2.0/24'],
    ['10.9.8.7', '10.0.0.0/8'],
    ['203.0.113.1', '0.0.0.0/0'],
    ['::ffff:192.0.2.1', '192.0.2.0/24'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['192.0.2.1', '::ffff:192.0.2.1'],
    ['2001:db8::1', '2001:0db8:0:0::1'],
    ['2001:db8:ffff::', '2001:db8::/32'],
    ['fe80::1%eth0', 'fe80::/10'],
  ])('%s is in %s', (address, range) => {
    expect(addresses.isWithin(address, ['198.51.100.1', range])).toBe(true)
  })

  test.each([
    ['192.0.3.0', '192.0.2.0/24'],
    ['2001:db9::', '2001:db8::/32'],
    ['2001:db8::1', '0.0.0.0/0'],
    ['192.0.2.1', '::/0'],
    ['', '0.0.0.0/0'],
    ['unknown', '0.0.0.0/0'],
    ['192.0.2.1:443', '0.0.0.0/0'],
    ['[2001:db8::1]', '::/0'],
    ['0xc0000201', '192.0.2.1'],
    ['192.0.513', '192.0.2.1'],
    ['0300.0.2.1', '192.0.2.1'],
    ['192.0.2.1, 10.0.0.1', '0.0.0.0/0'],
  ])('%s is not in %s', (address, range) => {
    expect(addresses.isWithin(address, [range])).toBe(false)
  })

  test('is in no range when there is none', () => {
    expect(addresses.isWithin('192.0.2.1', [])).toBe(false)
  })
})

test.each([
  ['192.0.2.1', true],
  ['192.0.2.0/24', true],
  ['2001:db8::/32', true],
  ['::1', true],
  ['192.0.2.0/33', false],
  ['192.0.2.0/', false],
  ['192.0.2.0/24/24', false],
  ['192.0.2.0/+8', false],
  ['2001:db8::/129', false],
  ['::ffff:192.0.2.0/120', false],
  ['fe80::1%eth0', false],
  ['010.0.0.1', false],
  ['127.1', false],
  ['example.com', false],
  ['', false],
])('%s as a range to bind a key to: %s', (text, fine) => {
  expect(addresses.isRange(text)).toBe(fine)
})
