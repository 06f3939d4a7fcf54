import { describe, expect, test } from 'vitest'
import { namespacesFault, readName } from '../../src/domain/names.ts'

describe('a name', () => {
  test.each(['Acme', 'Ä', 'x'.repeat(64), '👩‍💻 Team'])('may be %j', (name) => {
    expect(readName(name)).toBe(name)
  })

  test('is stored without spaces at its ends, composed', () => {
    expect(readName(' A\u0308cme\u00a0')).toBe('Äcme')
  })

  test.each([
    '',
    ' ',
    'x'.repeat(65),
    'x'.repeat(5_000),
    'a\nb',
    'a\u001b[2Jb',
    'a\u009b2Jb',
    'a\u202eb',
    '\u2028',
  ])('is never %j', (name) => {
    expect(readName(name)).toBeUndefined()
  })
})

describe('namespaces', () => {
  test.each([[['default']], [['entra', 'mail.example_1-x']]])('may be %j', (names) => {
    expect(namespacesFault(names)).toBeUndefined()
  })

  test.each([
    [[]],
    [['']],
    [['Entra']],
    [['-x']],
    [['a b']],
    [['a\n']],
    [['a\u001b']],
    [['x'.repeat(65)]],
    [['a', 'a']],
    [Array.from({ length: 21 }, (_, n) => `n${n}`)],
  ])('are never %j', (names) => {
    expect(namespacesFault(names)).toBeDefined()
  })
})
