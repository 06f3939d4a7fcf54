import { describe, expect, test } from 'vitest'
import {
  identifierKey,
  isSameIdentifier,
  mappingFault,
  mapUserName,
  plainMapping,
  type UserNameMapping,
} from '../../src/domain/user-name.ts'

const suffix: UserNameMapping = {
  domain: 'suffix',
  domains: ['Example.com', 'corp'],
  lowerCase: true,
  template: '{username}',
}
const prefix: UserNameMapping = { ...suffix, domain: 'prefix', template: '{domain}/{username}' }

test.each([
  ['a name as it is', plainMapping, 'Ada@Example.com', 'Ada@Example.com'],
  ['a domain after the name, in any case', suffix, 'ADA@eXAMPLE.COM', 'ada'],
  ['a domain before the name', prefix, 'CORP\\Ada', 'corp/ada'],
  ['the case where it is not to be changed', { ...suffix, lowerCase: false }, 'Ada@corp', 'Ada'],
  ['a name that holds a placeholder', plainMapping, '{domain}$&', '{domain}$&'],
])('maps %s', (_, mapping, input, result) => {
  expect(mapUserName(mapping, input)).toBe(result)
})

describe('refuses instead of guessing', () => {
  test.each([
    ['a domain that is not taken', suffix, 'ada@evil.example'],
    ['a name without the domain', suffix, 'ada'],
    ['two domains', suffix, 'ada@corp@corp'],
    ['no name before the domain', suffix, '@corp'],
    ['a domain of the other form', suffix, 'EVIL\\ada@corp'],
    ['two prefixes', prefix, 'corp\\corp\\ada'],
    ['a suffix under a prefix', prefix, 'corp\\ada@evil.example'],
    ['a letter whose lower case is ASCII (U+212A)', suffix, '\u212Aarl@corp'],
    ['upper case that is not ASCII', suffix, 'ÄDA@corp'],
    ['a control character', plainMapping, 'ada\u0000'],
    ['a bidirectional override', plainMapping, 'ada\u202e'],
    ['text that is not in NFC', plainMapping, 'a\u0308da'],
    ['nothing', plainMapping, ''],
    ['a name that is too long', plainMapping, 'a'.repeat(256)],
    ['what becomes too long', { ...plainMapping, template: 'x{username}' }, 'a'.repeat(255)],
  ])('%s', (_, mapping, input) => {
    expect(mapUserName(mapping, input)).toBeUndefined()
  })
})

test.each([
  ['an unknown placeholder', { ...plainMapping, template: '{username}{mail}' }],
  ['a brace that opens nothing', { ...plainMapping, template: '{username}{' }],
  ['no name at all', { ...plainMapping, template: 'root' }],
  ['the name twice', { ...plainMapping, template: '{username}{username}' }],
  ['a domain where none is read', { ...plainMapping, template: '{username}@{domain}' }],
  ['domains where none is read', { ...plainMapping, domains: ['corp'] }],
  ['a domain that may be any', { ...suffix, domains: [] }],
])('a mapping with %s cannot be set', (_, mapping) => {
  expect(mappingFault(mapping)).toMatch(/\.$/)
})

test.each([plainMapping, suffix, prefix])('a mapping that can be used has no fault', (mapping) => {
  expect(mappingFault(mapping)).toBeUndefined()
})

test('A to Z of a mail-shaped identifier is folded, and nothing else', () => {
  expect(identifierKey('Alice.B@Example.COM')).toBe('alice.b@example.com')
  expect(identifierKey('Alice')).toBe('Alice')
  expect(identifierKey('A@b@C')).toBe('A@b@C')
  // The Kelvin sign and the dotted I lower to letters of ASCII, or to more than one.
  expect(identifierKey('\u212A\u0130@x')).toBe('\u212A\u0130@x')
})

test('identifiers differ by every letter unless the tenant folds them', () => {
  expect(isSameIdentifier('exact', 'A@x', 'a@x')).toBe(false)
  expect(isSameIdentifier('exact', 'a@x', 'a@x')).toBe(true)
  expect(isSameIdentifier('fold_ascii', 'A@x', 'a@x')).toBe(true)
  expect(isSameIdentifier('fold_ascii', 'A', 'a')).toBe(false)
})
