import { expect, test } from 'vitest'
import { type Device, type DeviceKey, keyOf, revokedUse } from '../../src/domain/device.ts'
import { deviceId, enrollmentId, kid, now, otherKid, tenantId, userId } from './examples.ts'

const publicJwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' } as const
const keys: DeviceKey[] = [{ role: 'possession', kid, publicJwk }]

test('a key is found only by its whole thumbprint, among the device’s own keys', () => {
  expect(keyOf(keys, kid)).toBe(keys[0])
  expect(keyOf(keys, otherKid)).toBeUndefined()
  expect(keyOf(keys, kid.slice(1))).toBeUndefined()
  expect(keyOf([], kid)).toBeUndefined()
})

const unregisteredDevice: Device = {
  tenantId,
  id: deviceId,
  userId,
  enrollmentId,
  status: 'unregistered',
  name: 'Pixel',
  platform: 'android',
  model: 'Pixel 9',
  osVersion: '16',
  appId: 'com.example.app',
  appVersion: '1.0.0',
  protocolVersion: 1,
  language: null,
  parentDeviceId: null,
  hasPushToken: false,
  hasVerificationKey: true,
  passkey: null,
  attestation: { level: 'none', verdict: 'not_asked', why: null },
  createdAt: now,
  activatedAt: now,
  lastSeenAt: now,
  unregisteredAt: now,
  unregisterReason: null,
  suspendedAt: null,
}

test.each([
  ['lost', 'critical'],
  ['stolen', 'critical'],
  ['admin', 'warning'],
  [null, 'warning'],
  ['replaced', 'info'],
  ['user_request', 'info'],
  ['not_confirmed', 'info'],
] as const)(
  'use of the keys of a device unregistered as %s is recorded with severity %s',
  (unregisterReason, severity) => {
    expect(revokedUse({ ...unregisteredDevice, unregisterReason })).toMatchObject({
      type: 'revoked_device_used',
      userId,
      deviceId,
      severity,
      details: { reason: unregisterReason ?? 'admin', name: 'Pixel' },
    })
  },
)
