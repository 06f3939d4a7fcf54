import 'reflect-metadata'
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import type { DeviceKey } from '../../src/domain/device.ts'
import { readKeyDescription } from '../../src/enrollments/attestation/android-key-description.ts'
import {
  type AppAttestChanges,
  anAppleMaker,
  type KeyStatement,
  keyDescription,
  soundStatement,
} from '../support/attestation-authority.ts'
import { challenge, test, text } from './attestation-scene.ts'

describe('an Android phone', () => {
  test('is accepted with a sound chain for each key, whatever dates the phone wrote into its own', async ({
    scene,
  }) => {
    expect(await scene.verify(await scene.androidStatement())).toEqual({ level: 'tee', why: null })
  })

  test('is as strong as the weaker of its keys', async ({ scene }) => {
    const strong = { attestationLevel: 2, keyLevel: 2 }
    expect((await scene.verify(await scene.androidStatement(strong))).level).toBe('tee')
    const statement = {
      ...(await scene.androidStatement(strong, 'possession')),
      verification: (await scene.androidStatement(strong)).verification ?? [],
    }
    expect((await scene.verify(statement)).level).toBe('strongbox')
    const mixedStatement = await scene.androidStatement({ attestationLevel: 1, keyLevel: 2 })
    expect((await scene.verify(mixedStatement)).level).toBe('tee')
  })

  test('may have a possession key that works without user presence', async ({ scene }) => {
    const unattendedStatement = await scene.androidStatement(
      { noAuthRequired: true, userAuthType: null },
      'possession',
    )
    expect((await scene.verify(unattendedStatement)).why).toBeNull()
  })

  test.for<[string, Partial<KeyStatement>, string]>([
    [
      'another challenge',
      { challenge: Buffer.alloc(32, 8).toString('base64url') },
      'challenge_mismatch',
    ],
    ['a statement made in software', { attestationLevel: 0 }, 'level_software'],
    ['a key kept in software', { keyLevel: 0 }, 'level_software'],
    ['an unlocked bootloader', { locked: false }, 'bootloader_unlocked'],
    ['a system that its owner signed', { bootState: 1 }, 'boot_not_verified'],
    ['an unverified system', { bootState: 2 }, 'boot_not_verified'],
    ['no statement on how it booted', { withRootOfTrust: false }, 'boot_not_verified'],
    ['another package', { packages: ['com.example.other'] }, 'app_mismatch'],
    ['a package of this name with another signer', { signers: ['00'.repeat(32)] }, 'app_mismatch'],
    ['a key for every app of the phone', { allApplications: true }, 'app_mismatch'],
    ['an imported key', { origin: 2 }, 'key_not_generated'],
    ['a key that cannot sign', { purposes: [3] }, 'key_purpose'],
    ['a key that may attest other keys', { purposes: [2, 7] }, 'key_purpose'],
    ['an RSA key', { algorithm: 1 }, 'key_not_p256'],
    ['another curve', { curve: 2 }, 'key_not_p256'],
    [
      'a verification key that needs no authentication',
      { noAuthRequired: true },
      'user_not_authenticated',
    ],
    [
      'a verification key without an authentication type',
      { userAuthType: null },
      'user_not_authenticated',
    ],
    [
      'a verification key with authentication for a period',
      { authTimeout: 30 },
      'user_not_authenticated',
    ],
    ['a level that does not exist', { keyLevel: 3 }, 'malformed'],
  ])('is rejected with %s', async ([_, changes, why], { scene }) => {
    const finding = await scene.verify(await scene.androidStatement(changes))
    const level = why === 'level_software' ? 'software' : 'none'
    expect(finding).toEqual({ level, why })
  })

  test('attests each key of the claim, and no other', async ({ scene }) => {
    const { possession } = await scene.androidStatement()
    expect((await scene.verify({ format: 'android_key', possession })).why).toBe('key_not_attested')
    const statement = await scene.androidStatement()
    expect((await scene.verify({ ...statement, verification: statement.possession })).why).toBe(
      'key_mismatch',
    )
    const otherDevice = await createDeviceKeys({ verification: false })
    const others = [{ role: 'possession', ...otherDevice.possession }] as const
    expect((await scene.verify(await scene.androidStatement(), { keys: others })).why).toBe(
      'key_mismatch',
    )
  })

  test('is rejected for an app that is not listed', async ({ scene }) => {
    const foreign = await scene.androidStatement({ packages: ['com.evil'] })
    expect((await scene.verify(foreign, { appId: 'com.evil' })).why).toBe('app_not_listed')
  })
})

describe('the contents of Android’s extension', () => {
  test('with arbitrary bytes, cut short, lengthened or with one bit flipped never throw', async () => {
    const sound = keyDescription({ ...soundStatement, challenge })
    expect(readKeyDescription(sound)).toBeDefined()
    expect(readKeyDescription(Buffer.concat([sound, Buffer.alloc(1)]))).toBeUndefined()
    for (let end = 0; end < sound.length; end++) {
      expect(readKeyDescription(sound.subarray(0, end))).toBeUndefined()
      for (let bit = 0; bit < 8; bit++) {
        readKeyDescription(sound.map((byte, index) => (index === end ? byte ^ (1 << bit) : byte)))
      }
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        expect(readKeyDescription(bytes)).toBeUndefined()
      }),
    )
  })
})

describe('an iPhone', () => {
  test('is accepted when Apple attests the app over this claim and both its keys', async ({
    scene,
  }) => {
    expect(await scene.verify(await scene.attest())).toEqual({ level: 'app_attest', why: null })
    const withExtensions = { flags: 0xc0, after: Uint8Array.of(0xa0) }
    expect((await scene.verify(await scene.attest(withExtensions))).why).toBeNull()
  })

  test('is rejected about other keys, fewer keys, swapped keys, another enrollment', async ({
    scene,
  }) => {
    const [possession, verification] = scene.own
    if (!possession || !verification) throw new Error('both were made')
    const swappedKeys: DeviceKey[] = [
      { ...possession, role: 'verification' },
      { ...verification, role: 'possession' },
    ]
    for (const changes of [
      { keys: [possession] },
      { keys: swappedKeys },
      { challenge: Buffer.alloc(32, 9).toString('base64url') },
    ]) {
      expect((await scene.verify(await scene.attest(), changes)).why).toBe('challenge_mismatch')
    }
  })

  test.for<[string, AppAttestChanges, string]>([
    ['a nonce of something else', { nonce: Buffer.alloc(32) }, 'challenge_mismatch'],
    ['another app', { appId: 'ABCDE12345.com.example.other' }, 'app_mismatch'],
    ['another team', { appId: 'ZZZZZ12345.com.example.app' }, 'app_mismatch'],
    ['a counter above zero', { counter: 1 }, 'counter_used'],
    ['a developer’s own build', { aaguid: 'appattestdevelop' }, 'environment_not_allowed'],
    ['an unknown environment', { aaguid: 'appattestsandbox' }, 'environment_not_allowed'],
    ['the id of another key', { credentialId: Buffer.alloc(32) }, 'key_mismatch'],
    ['another key in its data', { otherCoseKey: true }, 'key_mismatch'],
    ['no key in its data', { flags: 0 }, 'malformed'],
    ['trailing data', { after: Uint8Array.of(0xa0) }, 'malformed'],
    ['another format', { format: 'packed' }, 'malformed'],
    ['no certificates', { x5c: [] }, 'malformed'],
    ['an expired certificate', { notAfter: new Date(Date.now() - 1000) }, 'certificate_expired'],
  ])('is rejected with %s', async ([_, changes, why], { scene }) => {
    expect(await scene.verify(await scene.attest(changes))).toEqual({ level: 'none', why })
  })

  test('is rejected under an unknown root', async ({ scene }) => {
    const otherDevice = await anAppleMaker()
    const object = text(await otherDevice.attest(scene.hash()))
    // The names are the same, the keys are not.
    expect((await scene.verify({ format: 'apple_app_attest', object })).why).toBe('chain_invalid')
    const roots = { android: [], apple: [scene.android.root] }
    expect((await scene.verify(await scene.attest(), {}, { roots })).why).toBe('root_unknown')
  })

  test('is rejected for an app that is not listed', async ({ scene }) => {
    expect((await scene.verify(await scene.attest(), { appId: 'com.evil' })).why).toBe(
      'app_not_listed',
    )
  })

  test('that sends anything else is answered, never thrown: depth, length, duplicates, any bytes', async ({
    scene,
  }) => {
    const object = await scene.apple.attest(scene.hash())
    const again = Buffer.concat([Buffer.from('63666d746f', 'hex'), Buffer.from('apple-appattest')])
    const duplicate = Buffer.concat([Buffer.of(0xa4), object.subarray(1), again])
    const indefinite = Buffer.from('bfff', 'hex')
    const deep = Buffer.alloc(16_000, 0x81)
    const cases = [
      new Uint8Array(),
      duplicate,
      indefinite,
      deep,
      object.subarray(0, -1),
      Buffer.concat([object, Buffer.alloc(1)]),
    ]
    for (const bytes of cases) {
      const statement = { format: 'apple_app_attest', object: text(bytes) } as const
      expect(await scene.verify(statement)).toEqual({ level: 'none', why: 'malformed' })
    }
    await fc.assert(
      fc.asyncProperty(
        fc.nat(object.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const changedObject = object.map((byte, index) => (index === at ? byte ^ flip : byte))
          const statement = { format: 'apple_app_attest', object: text(changedObject) } as const
          await scene.verify(statement)
        },
      ),
      { numRuns: 200 },
    )
  })
})
