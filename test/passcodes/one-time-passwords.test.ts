import { Secret } from 'otpauth'
import { expect, test } from 'vitest'
import { oneTimePasswords } from '../../src/passcodes/one-time-passwords.adapter.ts'

const secret = Secret.fromLatin1('12345678901234567890123456789012').base32

test.each([
  [59, '46119246'],
  [1_111_111_109, '68084774'],
  [1_111_111_111, '67062674'],
  [1_234_567_890, '91819424'],
  [2_000_000_000, '90698825'],
  [20_000_000_000, '77737706'],
])('at %i s the code is that of RFC 6238, appendix B: %s', (seconds, code) => {
  expect(oneTimePasswords.at(secret, 8, Math.floor(seconds / 30))).toBe(code)
})

test('six digits are the last six, leading zeros kept', () => {
  const codes = Array.from({ length: 50 }, (_, step) => oneTimePasswords.at(secret, 8, step))
  for (const [step, code] of codes.entries()) {
    expect(oneTimePasswords.at(secret, 6, step)).toBe(code.slice(2))
  }
  expect(codes.some((code) => code[2] === '0')).toBe(true)
})

test('secrets are 256 random bits in base32 without padding', () => {
  const secrets = Array.from({ length: 100 }, () => oneTimePasswords.createSecret())
  expect(new Set(secrets).size).toBe(secrets.length)
  for (const one of secrets) expect(one).toMatch(/^[A-Z2-7]{52}$/)
})
