import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newChallenge } from '../../../src/challenges/challenge.schemas.ts'
import { enrollmentClaim, pushTokenChange } from '../../../src/devices/device-call.schemas.ts'
import { type IdKind, idPrefixes, isId } from '../../../src/domain/ids.ts'
import { idExample, idOf, idPattern } from '../../../src/platform/http/schemas/ids.ts'
import { queryNumber } from '../../../src/platform/http/schemas/paging.ts'
import { identifierValue, showable } from '../../../src/platform/http/schemas/text.ts'
import { newRelyingParty } from '../../../src/tenants/relying-party.schemas.ts'
import { anId } from './fixtures.ts'

const text = showable(64, { description: 'A text.', example: 'text' })

describe('a text that people read', () => {
  it.each([
    ['a line feed', 'Sign\nin'],
    ['a NUL', 'Sign\u0000in'],
    ['a right-to-left override', 'Sign\u202ein'],
    ['an isolate', 'Sign\u2066in'],
    ['a zero-width space', 'Sign\u200bin'],
    ['a byte order mark within', 'Sign\ufeffin'],
    ['a lone surrogate', 'Sign\ud800in'],
    ['a private character', 'Sign\ue000in'],
    ['a line separator', 'Sign\u2028in'],
    ['nothing but blanks', '   '],
    ['nothing', ''],
    ['too many letters', 'x'.repeat(65)],
  ])('is refused with %s', (_what, input) => {
    expect(text.safeParse(input).success).toBe(false)
  })

  it.each([
    ['composed', 'Cafe\u0301', 'Café'],
    ['without spaces and marks at its ends', ' \u200eSign in\ufeff\u00a0', 'Sign in'],
    ['without soft hyphens', 'Sign\u00ad in', 'Sign in'],
    [
      'with its joiners',
      'می\u200cخواهم \u{1F469}\u200d\u{1F4BB}',
      'می\u200cخواهم \u{1F469}\u200d\u{1F4BB}',
    ],
    [
      'no longer than it may be once it is clean',
      `${'x'.repeat(64)}${' '.repeat(9)}\u00ad`,
      'x'.repeat(64),
    ],
    ['no longer than it may be once it is composed', 'e\u0301'.repeat(64), 'é'.repeat(64)],
  ])('is stored %s', (_how, input, expectedText) => {
    expect(text.parse(input)).toBe(expectedText)
  })

  it('may be in any script', () => {
    for (const input of ['Überweisung', 'تسجيل الدخول', '登录', 'x'.repeat(64), '🏦 Bank']) {
      expect(text.safeParse(input).success).toBe(true)
    }
  })

  it('is validated in every text member of a challenge', () => {
    const members = ['application', 'action', 'location', 'userAgent'] as const
    for (const member of members) {
      const body = { user: 'ada', context: { [member]: 'a\u202eb' } }
      expect(newChallenge.safeParse(body).success).toBe(false)
    }
    for (const field of [
      { label: 'a\u202eb', value: 'c' },
      { label: 'c', value: 'a\u202eb' },
    ]) {
      expect(newChallenge.safeParse({ user: 'ada', context: { fields: [field] } }).success).toBe(
        false,
      )
    }
    expect(newChallenge.safeParse({ user: 'a\u202eb' }).success).toBe(false)
    expect(newChallenge.safeParse({ user: 'ada', context: { ip: 'not an ip' } }).success).toBe(
      false,
    )
    expect(newChallenge.safeParse({ user: 'ada', context: { ip: '2001:db8::7' } }).success).toBe(
      true,
    )
  })
})

describe('an identifier', () => {
  it.each([' ada@example.com', 'ada@example.com\u00a0', '\u00a0 ada@example.com \u3000'])(
    'an identifier loses the spaces around it: %j',
    (input) => {
      expect(identifierValue.parse(input)).toBe('ada@example.com')
    },
  )

  it.each([
    ['nothing but spaces', ' \u00a0'],
    ['a line feed behind', 'ada\n'],
    ['a tab in front', '\tada'],
    ['a soft hyphen', 'a\u00adda'],
    ['a byte order mark', '\ufeffada'],
    ['a direction mark behind', 'ada\u200e'],
    ['a zero-width space behind', 'ada\u200b'],
    ['letters that are not composed', 'rene\u0301'],
    ['a joiner between letters that join', 'می\u200cخواهم'],
    ['an emoji made of two', '\u{1F469}\u200d\u{1F4BB}'],
    ['too many letters', 'x'.repeat(256)],
  ])('stays strict, and is refused with %s', (_what, input) => {
    expect(identifierValue.safeParse(input).success).toBe(false)
  })

  it('may have its full length, whatever spaces surround it', () => {
    expect(identifierValue.parse(` ${'x'.repeat(255)} `)).toBe('x'.repeat(255))
  })
})

describe('a new challenge', () => {
  const isRefused = (more: object) => !newChallenge.safeParse({ user: 'ada', ...more }).success

  it('takes its number as text of ASCII digits, never as a number', () => {
    for (const value of [483920, '48392a', '٤٨٣٩٢٠', '1', '123456789', '1e5', ' 48392', '']) {
      expect(isRefused({ number: { mode: 'caller', value } })).toBe(true)
    }
    expect(isRefused({ number: { mode: 'caller', value: '048392' } })).toBe(false)
    expect(isRefused({ number: { mode: 'none', digits: 6 } })).toBe(true)
    expect(isRefused({ number: { mode: 'service', digits: '6' } })).toBe(true)
  })

  it('has bounds on everything', () => {
    for (const ttlSeconds of [14, 601, 60.5, '60', null])
      expect(isRefused({ ttlSeconds })).toBe(true)
    for (const binding of ['x'.repeat(15), 'x'.repeat(129), '+'.repeat(20)]) {
      expect(isRefused({ binding })).toBe(true)
    }
    expect(isRefused({ deviceIds: [] })).toBe(true)
    expect(isRefused({ deviceIds: Array(21).fill(anId('device')) })).toBe(true)
    expect(isRefused({ deviceIds: [anId('user')] })).toBe(true)
    const field = { label: 'a', value: 'b' }
    expect(isRefused({ context: { fields: Array(21).fill(field) } })).toBe(true)
    expect(isRefused({ context: { fields: Array(20).fill(field) } })).toBe(false)
  })

  it('refuses unknown members at every depth', () => {
    expect(isRefused({ context: { isAdmin: true } })).toBe(true)
    expect(isRefused({ context: { fields: [{ label: 'a', value: 'b', x: 1 }] } })).toBe(true)
    expect(isRefused({ user: { id: anId('user'), x: 1 } })).toBe(true)
    expect(isRefused({ user: { namespace: 'entra', value: 'ada', x: 1 } })).toBe(true)
  })

  it('fills in omitted members', () => {
    expect(newChallenge.parse({ user: 'ada' })).toEqual({
      user: 'ada',
      context: {},
      number: { mode: 'service' },
      userVerification: 'preferred',
    })
  })
})

describe('a device key', () => {
  // Two spellings of the same 32 bytes: 43 characters hold 258 bits, and the last two are not used.
  const x = 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU'
  const y = 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0'
  const claim = (possession: object) => ({
    tenantId: anId('tenant'),
    code: '7K3QM-9TX2R',
    user: 'ada@example.com',
    appId: 'com.example.auth',
    device: { name: 'Phone', platform: 'ios', model: 'x', osVersion: '1', appVersion: '1' },
    keys: { possession },
    proofs: { possession: 'a.b.c' },
  })
  const isRefused = (possession: object) => !enrollmentClaim.safeParse(claim(possession)).success

  it('is a P-256 public key with exactly its four members', () => {
    const key = { kty: 'EC', crv: 'P-256', x, y }
    expect(isRefused(key)).toBe(false)
    for (const other of [
      { ...key, d: x },
      { ...key, kid: 'k' },
      { ...key, alg: 'ES256' },
      { ...key, crv: 'P-384' },
      { ...key, kty: 'OKP' },
      { kty: 'oct', k: x },
      { ...key, x: `${x}A` },
      { ...key, x: x.slice(1) },
    ]) {
      expect(isRefused(other)).toBe(true)
    }
  })

  it('has one spelling only, so that one key cannot be registered twice', () => {
    const otherSpelling = `${x.slice(0, -1)}V`
    expect(Buffer.from(otherSpelling, 'base64url')).toEqual(Buffer.from(x, 'base64url'))
    expect(isRefused({ kty: 'EC', crv: 'P-256', x: otherSpelling, y })).toBe(true)
  })

  it('comes with its proof, and a proof with its key', () => {
    const key = { kty: 'EC', crv: 'P-256', x, y }
    const { keys, proofs, ...rest } = claim(key)
    const both = { ...keys, verification: key }
    expect(enrollmentClaim.safeParse({ ...rest, keys: both, proofs }).success).toBe(false)
    const proven = { ...proofs, verification: 'a.b.c' }
    expect(enrollmentClaim.safeParse({ ...rest, keys, proofs: proven }).success).toBe(false)
    expect(enrollmentClaim.safeParse({ ...rest, keys: both, proofs: proven }).success).toBe(true)
  })
})

describe('a push token', () => {
  it('is bounded, and matches its provider', () => {
    const isAccepted = (push: unknown) => pushTokenChange.safeParse({ push }).success
    expect(isAccepted(null)).toBe(true)
    expect(isAccepted({ provider: 'apns', token: 'ab'.repeat(32) })).toBe(true)
    expect(
      isAccepted({ provider: 'fcm', token: `${'x'.repeat(22)}:APA91b${'y'.repeat(134)}` }),
    ).toBe(true)
    expect(isAccepted({ provider: 'apns', token: 'no hexadecimal' })).toBe(false)
    expect(isAccepted({ provider: 'apns', token: 'ab'.repeat(200) })).toBe(false)
    expect(isAccepted({ provider: 'fcm', token: 'x'.repeat(5000) })).toBe(false)
    expect(isAccepted({ provider: 'fcm', token: 'line\nfeed line feed' })).toBe(false)
    expect(isAccepted({ provider: 'sms', token: 'ab'.repeat(32) })).toBe(false)
  })
})

describe('a relying party', () => {
  it('names each namespace once', () => {
    const isAccepted = (namespaces: unknown) =>
      newRelyingParty.safeParse({ name: 'Bank', namespaces }).success
    expect(isAccepted(['entra', 'default'])).toBe(true)
    for (const namespaces of [[], ['entra', 'entra'], ['Entra'], ['a b'], Array(21).fill('x')]) {
      expect(isAccepted(namespaces)).toBe(false)
    }
  })
})

describe('a number in a query', () => {
  it('is plain decimal digits within its bounds', () => {
    const number = queryNumber(0, 30, 'A number.')
    expect(number.parse('30')).toBe(30)
    expect(number.parse('007')).toBe(7)
    for (const input of ['', '31', '-1', '+1', '1.0', '1e1', ' 1', '0x1', '٣', ['1'], ['1', '2']]) {
      expect(number.safeParse(input).success).toBe(false)
    }
  })
})

describe('the pattern of an id', () => {
  it('in openapi.yaml matches exactly the valid ids', () => {
    const kinds = Object.keys(idPrefixes) as IdKind[]
    const right = fc.stringMatching(/^[0-7][0-9a-hjkmnp-tv-z]{25}$/)
    const wrong = fc.stringMatching(/^[0-9a-zA-Z_-]{24,28}$/)
    const nearly = fc
      .tuple(right, fc.nat(25), fc.constantFrom(...'iluoAZ8_-'))
      .map(([text, at, character]) => text.slice(0, at) + character + text.slice(at + 1))
    const suffix = fc.oneof(right, wrong, nearly)
    fc.assert(
      fc.property(fc.constantFrom(...kinds), suffix, (kind, last) => {
        const id = `${idPrefixes[kind]}_${last}`
        expect(new RegExp(idPattern(kind)).test(id)).toBe(isId(kind, id))
      }),
    )
    for (const kind of kinds) {
      expect(isId(kind, idExample(kind))).toBe(true)
      expect(idOf(kind, '').safeParse(idExample(kind)).success).toBe(true)
    }
  })
})
