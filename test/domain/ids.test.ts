import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type IdKind, idPrefixes, isId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'

const kinds = Object.keys(idPrefixes) as IdKind[]

test('an id that the service creates is an id of its kind and of no other', () => {
  for (const kind of kinds) {
    const id = systemRandom.id(kind)
    expect(kinds.filter((other) => isId(other, id))).toEqual([kind])
  }
})

test('no prefix begins another, so that kinds cannot be confused', () => {
  const prefixes = Object.values(idPrefixes).map((prefix) => `${prefix}_`)
  for (const one of prefixes) {
    expect(prefixes.filter((other) => other.startsWith(one))).toEqual([one])
  }
})

const suffix = '01h455vb4pex5vsknk084sn02q'
test.each([
  ['without a prefix', suffix],
  ['without an underscore', `dev${suffix}`],
  ['in upper case', `dev_${suffix.toUpperCase()}`],
  ['short', `dev_${suffix.slice(1)}`],
  ['long', `dev_${suffix}0`],
  ['beyond 128 bits', `dev_8${suffix.slice(1)}`],
  ['with a letter that is none of it', `dev_${suffix.slice(1)}u`],
  ['with a null', `dev_${suffix.slice(1)}\0`],
  ['with a line feed behind it', `dev_${suffix}\n`],
  ['as a statement', `dev_' or 1=1 --`],
  ['empty', ''],
])('%s it is no id', (_, text) => {
  expect(isId('device', text)).toBe(false)
})

test('nothing but a prefix and 26 characters of the alphabet is an id', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      fc.pre(!/^dev_[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text))
      expect(isId('device', text)).toBe(false)
      expect(isId('device', `dev_${text}`)).toBe(/^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text))
    }),
  )
})
