import { describe, expect, test } from 'vitest'
import { readRevocation, revocationLine } from '../../src/domain/revocation.ts'

const id = <P extends string>(prefix: P) => `${prefix}_01jv9z3k8we2tvn4qh6yrx7b5c` as const
const tenantId = id('tnt')
const at = new Date('2026-11-22T10:00:00.123Z')
const device = { tenantId, userId: id('usr'), deviceId: id('dev'), at }
const unregistered = { revocation: 'device_unregistered', ...device, reason: 'lost' } as const

describe('a line of the revocation log', () => {
  test('says first what it is, so that it can be found among other lines', () => {
    expect(revocationLine(unregistered)).toMatch(/^\{"revocation":"device_unregistered",/)
  })

  test.each([
    unregistered,
    { revocation: 'device_suspended', ...device } as const,
    { revocation: 'device_activated', ...device } as const,
    { revocation: 'user_suspended', tenantId, userId: id('usr'), at } as const,
    { revocation: 'user_activated', tenantId, userId: id('usr'), at } as const,
    { revocation: 'api_key_revoked', tenantId, keyId: id('key'), at } as const,
  ])('is read as it was written: $revocation', (one) => {
    expect(readRevocation(revocationLine(one))).toEqual(one)
  })

  test('may hold more than is known', () => {
    const line = revocationLine(unregistered).replace('{', '{"more":1,')
    expect(readRevocation(line)).toEqual(unregistered)
  })

  const without = (changes: object) => JSON.stringify({ ...unregistered, ...changes })
  test.each([
    ['', 'nothing'],
    ['{"revocation":"device_unreg', 'cut off'],
    ['null', 'no object'],
    ['[]', 'a list'],
    [without({ revocation: 'device_forgotten' }), 'of an unknown kind'],
    [without({ reason: 'whim' }), 'with an unknown reason'],
    [without({ reason: 'toString' }), 'with a reason that every object has'],
    [without({ tenantId: 'tnt_x' }), 'with a malformed tenant'],
    [without({ tenantId: undefined }), 'without a tenant'],
    [without({ deviceId: id('usr') }), 'with another kind of id'],
    [without({ userId: 7 }), 'with a number for an id'],
    [without({ at: 'yesterday' }), 'without a time'],
    [without({ at: 5 }), 'with a number for a time'],
    [without({ revocation: 'api_key_revoked' }), 'of a key without its id'],
    [
      without({ revocation: 'user_suspended', userId: id('dev') }),
      'of a user under another kind of id',
    ],
  ])('is none when it is %j: %s', (line) => {
    expect(readRevocation(line)).toBeUndefined()
  })
})
