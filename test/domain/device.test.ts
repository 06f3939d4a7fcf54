import { expect, test } from 'vitest'
import { type DeviceKey, keyOf } from '../../src/domain/device.ts'
import { kid, otherKid } from './examples.ts'

const publicJwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' } as const
const keys: DeviceKey[] = [{ role: 'possession', kid, publicJwk }]

test('a key is found by its whole thumbprint among the device’s own, and nowhere else', () => {
  expect(keyOf(keys, kid)).toBe(keys[0])
  expect(keyOf(keys, otherKid)).toBeUndefined()
  expect(keyOf(keys, kid.slice(1))).toBeUndefined()
  expect(keyOf([], kid)).toBeUndefined()
})
