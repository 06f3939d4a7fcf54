import { expect, test } from 'vitest'
import { leaseName, unseenPrefix } from '../../src/domain/lease.ts'

test('a process that others cannot see leases under a name that is never considered gone', () => {
  expect(leaseName({ name: 'one', isPresent: () => true })).toBe('one')
  expect(leaseName({ name: 'one', isPresent: () => false })).toBe(`${unseenPrefix}one`)
})
