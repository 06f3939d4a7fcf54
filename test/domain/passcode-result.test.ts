import { describe, expect, test } from 'vitest'
import { type PasscodeResult, passcodeResultPayload } from '../../src/domain/passcode-result.ts'
import { deviceId, jti, later, now, nowSeconds, rpId, tenantId, userId } from './examples.ts'

const result: PasscodeResult = {
  issuer: 'https://push.example.com/t/x',
  tenantId,
  rpId,
  userId,
  jti,
  binding: null,
  method: 'recovery_code',
  acceptedAt: now,
  device: null,
}
const read = (changes: Partial<PasscodeResult>) =>
  JSON.parse(passcodeResultPayload({ ...result, ...changes })) as unknown

const claims = {
  iss: 'https://push.example.com/t/x',
  aud: rpId,
  jti,
  iat: nowSeconds,
  exp: nowSeconds + 60,
  tid: tenantId,
  sub: userId,
  method: 'recovery_code',
  amr: ['otp'],
  auth_time: nowSeconds,
}

describe('the result of an accepted code', () => {
  test('says who, when, for which relying party and by what, and claims no more than a one-time code', () => {
    expect(read({})).toEqual(claims)
  })

  test('echoes the binding, and names the device of a passcode', () => {
    const device = { id: deviceId, activatedAt: later(-24 * 3600) }
    expect(read({ binding: 'session', method: 'passcode', device })).toEqual({
      ...claims,
      binding: 'session',
      method: 'passcode',
      did: deviceId,
    })
  })

  test('flags a device that has been active for less than a day', () => {
    const device = { id: deviceId, activatedAt: later(-24 * 3600 + 1) }
    expect(read({ method: 'passcode', device })).toMatchObject({ new_device: true })
    expect(
      read({ method: 'passcode', device: { id: deviceId, activatedAt: null } }),
    ).not.toHaveProperty('new_device')
  })
})
