import { describe, expect } from 'vitest'
import type { DeviceKey } from '../../clients/device/src/keys.ts'
import { unregisterDevice } from '../../src/devices/unregister-devices.ts'
import { keyRotationsMax, rotationWindowSeconds } from '../../src/domain/key-rotation.ts'
import { claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { aClaimCommand, aPhone, granted, scannedCode } from '../support/world.ts'
import { phoneTest as test } from '../support/world-test.ts'
import { aKey, rotate, sql, verificationOf, withRotated } from './key-rotation-steps.ts'

describe('no key is replaced', () => {
  test('under the possession key, or of a device that has no other', async ({
    world,
    principal,
    phone,
  }) => {
    const refusal = { refused: 'proof_key_not_allowed' }
    const key = await aKey()
    const caller = phone.keys.possession
    expect(await rotate(world, phone, { role: 'possession', key, caller })).toEqual(refusal)
    const simple = await aPhone(world, principal, { user: 'bob', verification: false })
    const byBob = { role: 'possession', key, caller: simple.keys.possession } as const
    expect(await rotate(world, simple, byBob)).toEqual(refusal)
  })

  test('by a device that was unregistered', async ({ world, principal, phone }) => {
    await granted(unregisterDevice(world, principal, phone.id, 'lost'))
    expect(await rotate(world, phone, { role: 'possession', key: await aKey() })).toEqual({
      refused: 'device_unregistered',
    })
  })

  test.for([
    ['aud', { aud: 'https://elsewhere.example' }],
    ['did', { did: 'dev_01jv9z3k8we2tvn4qh6yrx7b5c' }],
    ['role', { role: 'verification' }],
    ['pk', { pk: 'A'.repeat(43) }],
    ['replaces', { replaces: 'A'.repeat(43) }],
  ] as const)(
    'where the proof of the new key has another %s',
    async ([claim, claims], { world, phone }) => {
      const key = await aKey()
      expect(await rotate(world, phone, { role: 'possession', key, claims })).toEqual({
        refused: 'proof_invalid',
        facts: { claim },
      })
    },
  )

  test('where the new key has not signed, or says something else', async ({ world, phone }) => {
    const key = await aKey()
    const forgedKey = { ...(await aKey()), kid: key.kid }
    const by = { role: 'possession', key } as const
    expect(await rotate(world, phone, { ...by, signer: forgedKey })).toEqual({
      refused: 'proof_invalid',
    })
    expect(await rotate(world, phone, { ...by, claims: { more: 1 } })).toEqual({
      refused: 'proof_malformed',
    })
    expect(await rotate(world, phone, { ...by, claims: { iat: 1 } })).toMatchObject({
      refused: 'clock_skew',
    })
    const misplacedKey = { ...key, publicJwk: { ...key.publicJwk, y: key.publicJwk.x } }
    expect(await rotate(world, phone, { ...by, key: misplacedKey })).toMatchObject({
      refused: 'invalid_request',
    })
  })

  test('by one that is or was registered anywhere in the installation', async ({
    world,
    principal,
    phone,
  }) => {
    const refusal = { refused: 'key_already_registered' }
    const other = await aPhone(world, principal, { user: 'bob' })
    const former = other.keys.possession
    const both = async (key: DeviceKey) =>
      expect(await rotate(world, phone, { role: 'possession', key })).toEqual(refusal)
    await both(verificationOf(phone))
    await both(former)
    await withRotated(world, other, 'possession')
    await both(former)
    const { uri } = await granted(
      openEnrollment(world, principal, { user: 'carol', displayName: 'C' }),
    )
    const claim = await aClaimCommand(world, principal.tenantId, scannedCode(uri), false)
    const proof = await claim.prove({ ...former }, { pk: former.kid })
    expect(
      await claimEnrollment(world, {
        ...claim.command,
        keys: { possession: former.publicJwk },
        proofs: { possession: proof },
      }),
    ).toEqual(refusal)
  })

  test('oftener than a day allows', async ({ world, phone }) => {
    let current = phone
    for (let n = 0; n < keyRotationsMax; n++) {
      current = await withRotated(world, current, n % 2 === 0 ? 'possession' : 'verification')
    }
    const key = await aKey()
    const outcome = await rotate(world, current, { role: 'possession', key })
    expect(outcome).toMatchObject({ refused: 'too_many_key_rotations' })
    const { retryAfterSeconds = 0 } = outcome as { retryAfterSeconds?: number }
    expect(retryAfterSeconds).toBeGreaterThan(rotationWindowSeconds - 60)
    expect(retryAfterSeconds).toBeLessThanOrEqual(rotationWindowSeconds)
    await sql(
      world,
      `update replaced_device_keys set replaced_at = replaced_at - interval '1 day'
       where device_id = $1`,
      phone.id,
    )
    await granted(rotate(world, current, { role: 'possession', key }))
  })

  test('beside one that somebody has put into the database', async ({ world, phone }) => {
    const forgedKey = await aKey()
    await sql(
      world,
      `update device_keys set kid = $2, public_jwk = $3 where device_id = $1 and role = 'possession'`,
      ...[phone.id, forgedKey.kid, JSON.stringify(forgedKey.publicJwk)],
    )
    // MACs cover the thumbprints of all keys: the verification key does not count either.
    expect(await rotate(world, phone, { role: 'verification', key: await aKey() })).toEqual({
      refused: 'proof_invalid',
    })
  })

  test('beside one whose value alone somebody has changed', async ({ world, phone }) => {
    const { publicJwk } = await aKey()
    await sql(
      world,
      `update device_keys set public_jwk = $2 where device_id = $1 and role = 'possession'`,
      ...[phone.id, JSON.stringify(publicJwk)],
    )
    for (const role of ['possession', 'verification'] as const) {
      expect(await rotate(world, phone, { role, key: await aKey() })).toEqual({
        refused: 'proof_invalid',
      })
    }
    expect(world.securityEvents).toContainEqual({
      event: 'device_key_tampered',
      tenantId: phone.tenantId,
      deviceId: phone.id,
    })
  })
})
