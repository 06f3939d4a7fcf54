// The key rotations of docs/test-vectors.json, with the service's own code.

import { describe, expect, test } from 'vitest'
import vectors from '../../docs/test-vectors.json' with { type: 'json' }
import type { KeyRotation } from '../../src/devices/device.store.ts'
import { bindKeys } from '../../src/devices/device-keys.ts'
import { rotateKey } from '../../src/devices/keys/rotate-key.ts'
import { notAttested } from '../../src/domain/attestation.ts'
import type { Device, DeviceKey, PublicJwk } from '../../src/domain/device.ts'
import type { DeviceProof } from '../../src/domain/device-proof.ts'
import type { Id } from '../../src/domain/ids.ts'
import { defaultPolicy } from '../../src/domain/policy.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { buildHashing } from '../../src/platform/crypto/hashing.ts'
import { buildMacs } from '../../src/platform/crypto/macs.ts'
import { buildSealing } from '../../src/platform/crypto/sealing.ts'
import { buildSignatures } from '../../src/platform/crypto/signatures.ts'
import { buildQueues } from '../../src/service/open-fair-queues.ts'
import { authenticatorAt } from '../support/world.ts'

const masterKey = Buffer.alloc(32, 5)
const signatures = buildSignatures(buildSealing({ current: masterKey }))
const macs = buildMacs({ current: masterKey })
const now = new Date(vectors.time)
const tenantId = vectors.tenantId as Id<'tenant'>
const userId = vectors.userId as Id<'user'>
const deviceId = vectors.deviceId as Id<'device'>

function never(): never {
  throw new Error('this is not part of what is tested here')
}

function storedKey(role: DeviceKey['role']): DeviceKey {
  const { kid, x, y } = vectors.keys[role]
  return { role, kid, publicJwk: { kty: 'EC', crv: 'P-256', x, y } }
}

const device = {
  ...{ tenantId, id: deviceId, userId, status: 'active', name: 'Phone', platform: 'ios' },
  ...{ appId: 'com.example', appVersion: '1', protocolVersion: 2, attestation: notAttested },
} as unknown as Device
const deviceKeys = bindKeys({ macs }, device, [storedKey('possession'), storedKey('verification')])
const trusting = {
  ...{ macs, hashing: buildHashing(masterKey), securityLog: { write: never } },
  authenticator: authenticatorAt(vectors.origin),
}
const clock = { now: () => now }

describe('rotations of a key', () => {
  /** The proof of the call, as it was verified. */
  const proof = { tenantId, deviceId, kid: vectors.keys.verification.kid } as DeviceProof
  const rotations: KeyRotation[] = []
  const needs = {
    ...{ clock, publicOrigin: vectors.origin, userQueue: buildQueues(1).userQueue },
    signatures: {
      ...signatures,
      verify: async (jws: DeviceProof['jws'] | undefined, key: PublicJwk) =>
        jws === proof.jws || (jws !== undefined && signatures.verify(jws, key)),
    },
    devices: {
      findKnown: async () => ({
        device,
        keys: deviceKeys,
        keyRevision: 0,
        policy: defaultPolicy,
      }),
      rotateKey: async (rotation: KeyRotation) => {
        rotations.push(rotation)
        return { kind: 'rotated', device, at: now } as const
      },
      changeWithProof: async () => device,
      recordRevokedUse: never,
      hadErasedKey: never,
      findReplacedKey: async () => null,
    },
    revocationLog: { append: async () => undefined },
  }

  test.each(vectors.keyRotations)('$name', async ({ role, key, proof: text, expected }) => {
    const command = { role, key, proof: text } as Parameters<typeof rotateKey>[2]
    const outcome = await rotateKey({ ...needs, ...trusting }, proof, command)
    const { serverTime: _, ...facts } = (isRefusal(outcome) && outcome.facts) || {}
    expect(isRefusal(outcome) ? { refused: outcome.refused, ...facts } : { ok: true }).toEqual(
      expected,
    )
  })

  test('every valid one but the repeated call replaces the key in its role', () => {
    const { possession, verification } = vectors.keys
    expect(rotations.map(({ replacedKey }) => replacedKey.kid)).toEqual([
      possession.kid,
      verification.kid,
    ])
  })
})
