import { Secret, TOTP } from 'otpauth'
import { expect, test } from 'vitest'
import { readOtpauth, readSecret } from '../../web/authenticator/otpauth.ts'
import { codeAt, codeKey } from '../../web/authenticator/passcode.ts'

const key = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'

test.each(['SHA1', 'SHA256', 'SHA512'])(
  'an address gives the codes that an independent implementation gives: %s',
  async (algorithm) => {
    for (const digits of [6, 7, 8]) {
      const other = new TOTP({
        ...{ issuer: 'Ex: ample', label: 'ada@example.com' },
        ...{ algorithm, digits, period: 60, secret: Secret.fromBase32(key) },
      })
      const read = readOtpauth(other.toString())
      if (!read) throw new Error('it was not read')
      expect(read.name).toBe('ada@example.com')
      const ownKey = await codeKey(read.secret, read.hash)
      expect(ownKey.extractable).toBe(false)
      for (const timestamp of [0, 59_000, 1_800_000_000_123]) {
        expect(await codeAt(ownKey, read, timestamp)).toBe(other.generate({ timestamp }))
      }
    }
  },
)

test('what an address leaves out is what authenticators take for it', () => {
  expect(readOtpauth(` otpauth://totp/Example:ada?secret=${key.toLowerCase()} `)).toEqual({
    ...{ issuer: 'Example', name: 'ada', secret: key, hash: 'SHA-1', digits: 6, period: 30 },
  })
  expect(readOtpauth(`otpauth://totp/ada?secret=${key}`)).toMatchObject({ issuer: '', name: 'ada' })
})

test.each([
  'https://example.com/',
  `otpauth://hotp/a?secret=${key}&counter=1`,
  'otpauth://totp/a',
  'otpauth://totp/a?secret=SHORT',
  `otpauth://totp/a?secret=${key}1`,
  `otpauth://totp/a?secret=${key.repeat(9)}`,
  `otpauth://totp/%FF?secret=${key}`,
  `otpauth://totp/a?secret=${key}&algorithm=MD5`,
  `otpauth://totp/a?secret=${key}&algorithm=constructor`,
  `otpauth://totp/a?secret=${key}&digits=5`,
  `otpauth://totp/a?secret=${key}&digits=9`,
  `otpauth://totp/a?secret=${key}&digits=6.5`,
  `otpauth://totp/a?secret=${key}&period=0`,
  `otpauth://totp/a?secret=${key}&period=9999`,
])('%s is no code that changes with the time', (text) => {
  expect(readOtpauth(text)).toBe(null)
})

test('a secret is read as people copy it, and labels lose what hides or reorders text', () => {
  expect(readSecret(' jbsw y3dp-ehpk 3pxp= ')).toBe('JBSWY3DPEHPK3PXP')
  expect(readSecret('JBSWY3DPEHPK3PX0')).toBe(null)
  const label = encodeURIComponent(`a\u202eb\u0000${'c'.repeat(99)}`)
  expect(readOtpauth(`otpauth://totp/${label}?secret=${key}`)?.name).toBe(`ab${'c'.repeat(62)}`)
})
