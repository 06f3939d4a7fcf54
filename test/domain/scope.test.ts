import { expect, test } from 'vitest'
import { allows, defaultScopes, scopes } from '../../src/domain/scope.ts'

test('a key may do what its scopes say and nothing else', () => {
  for (const granted of scopes) {
    for (const needed of scopes) {
      expect(allows([granted], needed)).toBe(granted === needed || granted === 'admin')
    }
  }
  for (const needed of scopes) expect(allows([], needed)).toBe(false)
})

test.each(['ADMIN', 'admin ', 'challenges', '*', 'admin,users:read'])(
  '%j grants nothing',
  (granted) => {
    for (const needed of scopes) expect(allows([granted], needed)).toBe(false)
  },
)

test('a key that nobody thought about can ask, but cannot enroll, unregister or administer', () => {
  expect(allows(defaultScopes, 'challenges:write')).toBe(true)
  for (const needed of ['enrollments:write', 'devices:write', 'users:write', 'admin'] as const) {
    expect(allows(defaultScopes, needed)).toBe(false)
  }
})
