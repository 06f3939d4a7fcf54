import { Secret, TOTP } from 'otpauth'
import { expect, test } from 'vitest'
import { passcodeAt, secondsLeft } from '../../web/authenticator/passcode.ts'

test('codes are those of RFC 6238, by an independent implementation, for any secret and time', async () => {
  for (const bytes of [20, 32, 33, 64]) {
    const secret = new Secret({ size: bytes })
    for (const at of [0, 59_000, 1_111_111_109_000, 1_800_000_000_123, 20_000_000_000_000]) {
      for (const [digits, period] of [
        [6, 30],
        [8, 60],
      ] as const) {
        const own = { secret: secret.base32, algorithm: 'SHA256', digits, period } as const
        const other = new TOTP({ secret, algorithm: 'SHA256', digits, period })
        expect(await passcodeAt(own, at)).toBe(other.generate({ timestamp: at }))
      }
    }
  }
})

test('a code has between one second and its whole period left', () => {
  const secret = { secret: 'A', algorithm: 'SHA256', digits: 6, period: 30 } as const
  expect([0, 1_000, 29_999, 30_000].map((at) => secondsLeft(secret, at))).toEqual([30, 29, 1, 30])
})
