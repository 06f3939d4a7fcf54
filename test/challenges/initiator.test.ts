import { describe, expect, test } from 'vitest'
import { initiatorOf } from '../../src/challenges/initiator.schemas.ts'

describe('the initiator of a sign-in', () => {
  test.each([
    ['203.0.113.7', '203.0.113.0/24'],
    ['203.0.113.250', '203.0.113.0/24'],
    ['2001:db8:1:2::7', '2001:db8:1:0:0:0:0:0/48'],
    ['2001:db8:1:ffff::', '2001:db8:1:0:0:0:0:0/48'],
    // The same IPv4 address, however IPv6 carries it; else all clients behind a gateway would be
    // one.
    ['::ffff:203.0.113.7', '203.0.113.0/24'],
    ['64:ff9b::203.0.113.7', '203.0.113.0/24'],
    ['::ffff:0:203.0.113.7', '203.0.113.0/24'],
  ])('from %s is the network %s', (ip, prefix) => {
    expect(initiatorOf({ ip })).toEqual({ kind: 'network', prefix })
  })

  test.each(['0.0.0.0', '::', '127.0.0.1', '::1'])('from %s is nobody', (ip) => {
    expect(initiatorOf({ ip })).toBeUndefined()
  })

  test('is the browser where the relying party knows it, whatever its address', () => {
    expect(initiatorOf({ browserId: 'b7c1f0a4d2', ip: '203.0.113.7' })).toEqual({
      kind: 'browser',
      id: 'b7c1f0a4d2',
    })
  })

  test('is nobody where the relying party names nobody', () => {
    expect(initiatorOf(undefined)).toBeUndefined()
    expect(initiatorOf({})).toBeUndefined()
  })
})
