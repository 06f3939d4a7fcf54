import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isFresh, isJti, readClaims, readHeader } from '../../src/domain/claims.ts'
import { kid, now, nowSeconds } from './examples.ts'

const shape = {
  sub: 'string',
  iat: 'integer',
  uv: 'boolean',
  num: 'string?',
  n: 'integer?',
} as const
const claims = { sub: 'usr', iat: 1, uv: false }

describe('claims are read', () => {
  test.each([
    ['with all required members', claims],
    ['with optional members', { ...claims, num: '483920', n: 0 }],
    ['with text of 2048 characters', { ...claims, sub: 's'.repeat(2048) }],
    ['with the largest safe integers', { ...claims, iat: Number.MAX_SAFE_INTEGER, n: -1 }],
  ])('%s', (_, value) => {
    expect(readClaims(shape, value)).toEqual(value)
  })
})

describe('claims are refused', () => {
  const without = (name: keyof typeof claims) => {
    const { [name]: _, ...rest } = claims
    return rest
  }
  test.each<[string, unknown]>([
    ['when a member is missing', without('sub')],
    ['when another is missing', without('uv')],
    ['when a member is unknown', { ...claims, admin: true }],
    ['when a member is null', { ...claims, sub: null }],
    ['when an optional member is null', { ...claims, num: null }],
    ['when an optional member is undefined', { ...claims, num: undefined }],
    ['when text is a number', { ...claims, sub: 1 }],
    ['when text is a list', { ...claims, sub: ['usr'] }],
    ['when text is an object', { ...claims, sub: { toString: 'usr' } }],
    ['when text is longer than 2048 characters', { ...claims, sub: 's'.repeat(2049) }],
    ['when a number is text', { ...claims, iat: '1' }],
    ['when a number has a fraction', { ...claims, iat: 1.5 }],
    ['when a number is not finite', { ...claims, iat: Number.POSITIVE_INFINITY }],
    ['when a number is not safe', { ...claims, iat: 2 ** 53 }],
    ['when a boolean is text', { ...claims, uv: 'true' }],
    ['when a boolean is a number', { ...claims, uv: 1 }],
    ['when a member is only inherited', Object.create(claims)],
    ['when __proto__ is a member', JSON.parse('{"sub":"usr","iat":1,"uv":false,"__proto__":{}}')],
    ['when constructor is a member', { ...claims, constructor: 'x' }],
    ['of a list', [claims]],
    ['of null', null],
    ['of nothing', undefined],
    ['of text', JSON.stringify(claims)],
  ])('%s', (_, value) => {
    expect(readClaims(shape, value)).toBeUndefined()
  })
})

test('any claims that are read have exactly the members of the shape, each of its type', () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.double())
  const name = fc.constantFrom('sub', 'iat', 'uv', 'num', 'n', 'x', 'toString', 'hasOwnProperty')
  fc.assert(
    fc.property(fc.dictionary(name, value), (input) => {
      const read = readClaims(shape, input)
      if (read === undefined) return
      expect(typeof read.sub).toBe('string')
      expect(Number.isSafeInteger(read.iat)).toBe(true)
      expect(typeof read.uv).toBe('boolean')
      expect(['string', 'undefined']).toContain(typeof read.num)
      expect(read.n === undefined || Number.isSafeInteger(read.n)).toBe(true)
      expect(Object.keys(read).every((key) => Object.hasOwn(shape, key))).toBe(true)
    }),
  )
})

describe('a header', () => {
  const header = { alg: 'ES256', typ: 'x+jwt', kid }
  test('that is exactly algorithm, type and key thumbprint yields its key', () => {
    expect(readHeader('x+jwt', header)).toEqual({ kid })
  })

  test.each<[string, unknown]>([
    ['no algorithm', { ...header, alg: 'none' }],
    ['a symmetric algorithm', { ...header, alg: 'HS256' }],
    ['another curve', { ...header, alg: 'ES384' }],
    ['the algorithm in another case', { ...header, alg: 'es256' }],
    ['another type', { ...header, typ: 'y+jwt' }],
    ['the type in another case', { ...header, typ: 'X+JWT' }],
    ['the type as a full media type', { ...header, typ: 'application/x+jwt' }],
    ['a key of its own', { ...header, jwk: {} }],
    ['the address of a key', { ...header, jku: 'https://evil.example' }],
    ['the address of a certificate', { ...header, x5u: 'https://evil.example' }],
    ['a certificate', { ...header, x5c: [] }],
    ['critical extensions', { ...header, crit: ['b64'], b64: false }],
    ['a short thumbprint', { ...header, kid: 'a'.repeat(42) }],
    ['a long thumbprint', { ...header, kid: 'a'.repeat(44) }],
    ['a path as key', { ...header, kid: `${'../'.repeat(14)}a` }],
    ['a statement as key', { ...header, kid: "' or 1=1 --".padEnd(43, ' ') }],
    ['a thumbprint followed by a line feed', { ...header, kid: `${kid}\n` }],
    ['no thumbprint', { alg: 'ES256', typ: 'x+jwt' }],
    ['nothing at all', undefined],
  ])('with %s is refused', (_, value) => {
    expect(readHeader('x+jwt', value)).toBeUndefined()
  })
})

describe('a time of issue', () => {
  test.each([
    [-61, false],
    [-60, true],
    [0, true],
    [10, true],
    [11, false],
  ])('%i seconds from now is fresh: %s', (seconds, fresh) => {
    expect(isFresh(nowSeconds + seconds, now)).toBe(fresh)
  })

  test('counts the milliseconds of the clock', () => {
    expect(isFresh(nowSeconds - 60, new Date(now.getTime() + 1))).toBe(false)
    expect(isFresh(nowSeconds + 10, new Date(now.getTime() - 1))).toBe(false)
  })
})

test.each([
  ['a'.repeat(16), true],
  [`${'A-_09'.repeat(12)}abcd`, true],
  ['a'.repeat(15), false],
  ['a'.repeat(65), false],
  ['', false],
  [`${'a'.repeat(16)}\n`, false],
  ['aaaaaaaa aaaaaaaa', false],
  ['aaaaaaaa+aaaaaaa', false],
  ['ａ'.repeat(16), false],
])('the jti %j can be stored as a key: %s', (jti, good) => {
  expect(isJti(jti)).toBe(good)
})
