import { expect, test } from 'vitest'
import { allows, defaultScopes, scopes } from '../../src/domain/scope.ts'

test('a key may do what its scopes allow and nothing else', () => {
  for (const scope of scopes) {
    for (const other of scopes) {
      expect(allows([scope], other)).toBe(scope === other || scope === 'admin')
    }
  }
  for (const scope of scopes) expect(allows([], scope)).toBe(false)
})

test.each(['ADMIN', 'admin ', 'challenges', '*', 'admin,users:read'])(
  '%j grants nothing',
  (text) => {
    for (const scope of scopes) expect(allows([text], scope)).toBe(false)
  },
)

test('a key with default scopes can ask, but cannot enroll, unregister or administer', () => {
  expect(allows(defaultScopes, 'challenges:write')).toBe(true)
  for (const scope of ['enrollments:write', 'devices:write', 'users:write', 'admin'] as const) {
    expect(allows(defaultScopes, scope)).toBe(false)
  }
})
