import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { buildHashing } from '../../../src/platform/crypto/hashing.ts'
import { buildMacs } from '../../../src/platform/crypto/macs.ts'

const current = randomBytes(32)
const previous = randomBytes(32)
const macs = buildMacs({ current, previous: [previous] })

test('a MAC matches its text, and no other text, and no other bytes', () => {
  const mac = macs.mac('row')
  expect(mac).toHaveLength(32)
  expect(macs.fits('row', mac)).toBe(true)
  expect(macs.fits('Row', mac)).toBe(false)
  for (const bytes of [randomBytes(32), mac.subarray(1), Buffer.concat([mac, mac]), Buffer.of()])
    expect(macs.fits('row', bytes)).toBe(false)
})

test('a MAC under a previous master key stays valid, one under a foreign key does not', () => {
  expect(macs.fits('row', buildMacs({ current: previous }).mac('row'))).toBe(true)
  expect(macs.fits('row', buildMacs({ current: randomBytes(32) }).mac('row'))).toBe(false)
  expect(buildMacs({ current: previous }).fits('row', macs.mac('row'))).toBe(false)
})

test('a MAC is no keyed hash: neither can substitute the other', () => {
  expect(macs.mac('row')).not.toEqual(buildHashing(current).hmac('row'))
})

test('a master key of another length is refused', () => {
  expect(() => buildMacs({ current: randomBytes(31) })).toThrow('32 random bytes')
  expect(() => buildMacs({ current, previous: [randomBytes(33)] })).toThrow('32 random bytes')
})
