import 'reflect-metadata'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  BasicConstraintsExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type X509Certificate,
} from '@peculiar/x509'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { createDeviceKeys, type DeviceKeys } from '../../clients/device/keys.ts'
import type { DeviceKey } from '../../src/domain/device.ts'
import { readKeyDescription } from '../../src/enrollments/attestation/android-key-description.ts'
import { clientDataHashOf } from '../../src/enrollments/attestation/app-attest.ts'
import {
  type AttestationOptions,
  buildAttestationVerifier,
} from '../../src/enrollments/attestation/attestation.ts'
import { serialOf } from '../../src/enrollments/attestation/certificate-chain.ts'
import {
  buildRevocationFile,
  nothingRevoked,
} from '../../src/enrollments/attestation/revocation-file.ts'
import type {
  AttestationStatement,
  AttestedClaim,
} from '../../src/enrollments/attestation.store.ts'
import {
  type AndroidMaker,
  type AppAttestChanges,
  anAndroidMaker,
  anAppleMaker,
  anAuthority,
  androidApp,
  appleApp,
  aRoot,
  attesting,
  certify,
  createKeys,
  type KeyStatement,
  keyDescription,
  publicKeyOf,
  soundStatement,
} from '../support/attestation-authority.ts'

const challenge = Buffer.alloc(32, 7).toString('base64url')
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')
const der = ({ rawData }: X509Certificate) => new Uint8Array(rawData)
const day = 24 * 60 * 60 * 1000

let android: AndroidMaker
let apple: Awaited<ReturnType<typeof anAppleMaker>>
let keys: DeviceKeys
let own: DeviceKey[]

beforeAll(async () => {
  android = await anAndroidMaker()
  apple = await anAppleMaker()
  keys = await createDeviceKeys({ verification: true })
  const { possession, verification } = keys
  if (!verification) throw new Error('a verification key was requested')
  own = [
    { role: 'possession', ...possession },
    { role: 'verification', ...verification },
  ]
})

const claimOf = (changes: Partial<AttestedClaim> = {}): AttestedClaim => ({
  appId: androidApp.packageName,
  keys: own,
  challenge,
  at: new Date(),
  ...changes,
})

function verify(
  statement: AttestationStatement,
  changes: Partial<AttestedClaim> = {},
  options: Partial<AttestationOptions> = {},
) {
  return buildAttestationVerifier({
    roots: { android: [android.root], apple: [apple.root] },
    revocations: nothingRevoked,
    androidApps: [androidApp],
    appleApps: [appleApp],
    ...options,
  }).verify(statement, claimOf(changes))
}

/** Both keys' chains; `changes` is what the phone says differently of the key of this role. */
async function androidStatement(
  changes: Partial<KeyStatement> = {},
  role: DeviceKey['role'] = 'verification',
  maker = android,
): Promise<Extract<AttestationStatement, { format: 'android_key' }>> {
  const chainOf = async (of: DeviceKey['role']) => {
    const key = of === 'possession' ? keys.possession : keys.verification
    if (!key) throw new Error('it was made')
    const chain = await maker.attest(await publicKeyOf(key), challenge, of === role ? changes : {})
    return chain.map(text)
  }
  return {
    format: 'android_key',
    possession: await chainOf('possession'),
    verification: await chainOf('verification'),
  }
}

describe('an Android phone', () => {
  test('is accepted with a sound chain for each key, whatever dates the phone wrote into its own', async () => {
    expect(await verify(await androidStatement())).toEqual({ level: 'tee', why: null })
  })

  test('is as strong as the weaker of its keys', async () => {
    const strong = { attestationLevel: 2, keyLevel: 2 }
    expect((await verify(await androidStatement(strong))).level).toBe('tee')
    const statement = {
      ...(await androidStatement(strong, 'possession')),
      verification: (await androidStatement(strong)).verification ?? [],
    }
    expect((await verify(statement)).level).toBe('strongbox')
    const mixedStatement = await androidStatement({ attestationLevel: 1, keyLevel: 2 })
    expect((await verify(mixedStatement)).level).toBe('tee')
  })

  test('may have a possession key that works without user presence', async () => {
    const unattendedStatement = await androidStatement(
      { noAuthRequired: true, userAuthType: null },
      'possession',
    )
    expect((await verify(unattendedStatement)).why).toBeNull()
  })

  test.each<[string, Partial<KeyStatement>, string]>([
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
  ])('is rejected with %s', async (_, changes, why) => {
    const finding = await verify(await androidStatement(changes))
    const level = why === 'level_software' ? 'software' : 'none'
    expect(finding).toEqual({ level, why })
  })

  test('attests each key of the claim, and no other', async () => {
    const { possession } = await androidStatement()
    expect((await verify({ format: 'android_key', possession })).why).toBe('key_not_attested')
    const statement = await androidStatement()
    expect((await verify({ ...statement, verification: statement.possession })).why).toBe(
      'key_mismatch',
    )
    const otherDevice = await createDeviceKeys({ verification: false })
    const others = [{ role: 'possession', ...otherDevice.possession }] as const
    expect((await verify(await androidStatement(), { keys: others })).why).toBe('key_mismatch')
  })

  test('is rejected for an app that is not listed', async () => {
    const foreign = await androidStatement({ packages: ['com.evil'] })
    expect((await verify(foreign, { appId: 'com.evil' })).why).toBe('app_not_listed')
  })
})

describe('a certificate chain', () => {
  /** The statement with this chain for the possession key, the only key claimed. */
  async function withChain(
    chain: readonly Uint8Array[],
    options: Partial<AttestationOptions> = {},
    changes: Partial<AttestedClaim> = {},
  ) {
    const statement = { format: 'android_key', possession: chain.map(text) } as const
    const only = own.slice(0, 1)
    return (await verify(statement, { keys: only, ...changes }, options)).why
  }
  const leafKey = async () => publicKeyOf(keys.possession)
  const sound = async () => android.attest(await leafKey(), challenge)

  test('under an unknown root is rejected', async () => {
    const otherDevice = await anAndroidMaker()
    expect(await withChain(await otherDevice.attest(await leafKey(), challenge))).toBe(
      'root_unknown',
    )
  })

  test('under a root that only has the right name is rejected', async () => {
    const otherDevice = await anAndroidMaker()
    const chain = await otherDevice.attest(await leafKey(), challenge)
    expect(await withChain(chain)).toBe('root_unknown')
    expect(await withChain(chain.slice(0, -1))).toBe('chain_invalid')
    expect(await withChain([...chain.slice(0, -1), android.root])).toBe('chain_invalid')
  })

  test('in another order, with a gap or with nothing but the root is rejected', async () => {
    const chain = await sound()
    const [leaf, phone, intermediate, root] = chain
    if (!leaf || !phone || !intermediate || !root) throw new Error('a sound chain has four')
    expect(await withChain(chain)).toBeNull()
    expect(await withChain(chain.toReversed())).toBe('root_unknown')
    expect(await withChain([leaf, intermediate, phone, root])).toBe('chain_invalid')
    expect(await withChain([leaf, intermediate, root])).toBe('chain_invalid')
    expect(await withChain([phone, intermediate, root])).toBe('malformed')
    expect(await withChain([root])).toBe('chain_invalid')
    expect(await withChain([leaf])).toBe('root_unknown')
    expect(await withChain([])).toBe('root_unknown')
  })

  test('with an expired or future authority is rejected, as is one under an expired root', async () => {
    for (const dates of [
      { notBefore: new Date(Date.now() - 9 * day), notAfter: new Date(Date.now() - day) },
      { notBefore: new Date(Date.now() + day) },
    ]) {
      const maker = await anAndroidMaker({ intermediate: dates })
      const roots = { android: [maker.root], apple: [] }
      const chain = await maker.attest(await leafKey(), challenge)
      expect(await withChain(chain, { roots })).toBe('certificate_expired')
    }
    const later = { at: new Date(Date.now() + 2000 * day) }
    expect(await withChain(await sound(), {}, later)).toBe('certificate_expired')
  })

  test('under an expired root is rejected, even if everything below it is valid', async () => {
    const maker = await anAndroidMaker({ root: { notAfter: new Date(Date.now() - 1000) } })
    const roots = { android: [maker.root], apple: [] }
    const chain = await maker.attest(await leafKey(), challenge)
    expect(await withChain(chain, { roots })).toBe('certificate_expired')
  })

  test('whose names do not lead to each other is rejected, even if the signatures do', async () => {
    const { phone, root } = android.authorities
    const leaf = await certify({
      subject: 'CN=Key',
      issuer: { certificate: root.certificate, keys: phone.keys },
      publicKey: await leafKey(),
      extensions: [attesting({ ...soundStatement, challenge })],
    })
    expect(await withChain([der(leaf), ...android.above])).toBe('chain_invalid')
  })

  test('with SHA-1 or a short RSA key in it is rejected', async () => {
    const weakHash = await anAndroidMaker({ intermediate: { hash: 'SHA-1' } })
    const rsa = {
      name: 'RSASSA-PKCS1-v1_5',
      publicExponent: Uint8Array.of(1, 0, 1),
      hash: 'SHA-256',
    }
    const rsaKeys = (modulusLength: number) =>
      crypto.subtle.generateKey({ ...rsa, modulusLength }, true, ['sign', 'verify'])
    const short = await anAndroidMaker({ intermediate: { keys: await rsaKeys(1024) } })
    const long = await anAndroidMaker({ intermediate: { keys: await rsaKeys(2048) } })
    const whys = [weakHash, short, long].map(async (maker) => {
      const chain = await maker.attest(await leafKey(), challenge)
      return withChain(chain, { roots: { android: [maker.root], apple: [] } })
    })
    expect(await Promise.all(whys)).toEqual(['chain_invalid', 'chain_invalid', null])
  })

  test('with an unknown critical extension is rejected', async () => {
    for (const critical of [true, false]) {
      const extensions = [
        new BasicConstraintsExtension(true, undefined, true),
        new Extension('1.3.6.1.4.1.99999.1', critical, new Uint8Array([5, 0])),
      ]
      const maker = await anAndroidMaker({ intermediate: { extensions } })
      const roots = { android: [maker.root], apple: [] }
      const chain = await maker.attest(await leafKey(), challenge)
      expect(await withChain(chain, { roots })).toBe(critical ? 'chain_invalid' : null)
    }
  })

  test.each([
    ['is no authority', [new BasicConstraintsExtension(false, undefined, true)]],
    ['does not say that it is an authority', []],
    [
      'may not sign certificates',
      [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ],
    ],
    ['may have no authority below it', [new BasicConstraintsExtension(true, 0, true)]],
  ])('through a certificate that %s is rejected', async (_, extensions) => {
    const maker = await anAndroidMaker({ intermediate: { extensions } })
    const roots = { android: [maker.root], apple: [] }
    const chain = await maker.attest(await leafKey(), challenge)
    expect(await withChain(chain, { roots })).toBe('certificate_not_authority')
  })

  describe('extended by the holder of an attested key', () => {
    const lie = { challenge, attestationLevel: 2, keyLevel: 2 }

    async function extendedChain(extensions: BasicConstraintsExtension[], isAttested: boolean) {
      const { phone } = android.authorities
      const stolenKeys = await createKeys()
      const genuine = await certify({
        subject: 'CN=Android Keystore Key',
        issuer: phone,
        publicKey: stolenKeys.publicKey,
        extensions: [
          ...extensions,
          ...(isAttested ? [attesting({ ...soundStatement, challenge })] : []),
        ],
      })
      const fake = await certify({
        subject: 'CN=Android Keystore Key',
        issuer: { certificate: genuine, keys: stolenKeys },
        publicKey: await leafKey(),
        extensions: [attesting({ ...soundStatement, ...lie })],
      })
      return [fake, genuine].map(der).concat(android.above)
    }

    test('is rejected: an attested key is no authority', async () => {
      const constraints = new BasicConstraintsExtension(false, undefined, true)
      expect(await withChain(await extendedChain([constraints], true))).toBe(
        'certificate_not_authority',
      )
    })

    test('is rejected even if the attested key were an authority', async () => {
      const constraints = new BasicConstraintsExtension(true, undefined, true)
      expect(await withChain(await extendedChain([constraints], true))).toBe(
        'attestation_not_at_leaf',
      )
    })
  })

  test('with a revoked certificate is rejected, at any position', async () => {
    const chain = await sound()
    const { intermediate, phone } = android.authorities
    for (const { certificate } of [intermediate, phone]) {
      const serial = serialOf(certificate)
      const revocations = { isRevoked: async (one: string) => one === serial }
      expect(await withChain(chain, { revocations })).toBe('certificate_revoked')
    }
  })

  test('is rejected while the list of revoked certificates cannot be read', async () => {
    const revocations = { isRevoked: () => Promise.reject(new Error('the file is gone')) }
    expect(await withChain(await sound(), { revocations })).toBe('revocations_unreadable')
  })

  test('has at most ten certificates of at most 4 KiB, and nothing after any of them', async () => {
    const root = await aRoot('CN=Long root')
    const chain: Uint8Array[] = []
    let issuer = root
    for (let index = 0; index < 9; index++) {
      issuer = await anAuthority(issuer, `CN=${index}`)
      chain.unshift(der(issuer.certificate))
    }
    const leaf = await certify({
      subject: 'CN=leaf',
      issuer,
      publicKey: await leafKey(),
      extensions: [attesting({ ...soundStatement, challenge })],
    })
    const roots = { android: [der(root.certificate)], apple: [] }
    expect(await withChain([der(leaf), ...chain], { roots })).toBeNull()
    expect(await withChain([der(leaf), ...chain, der(root.certificate)], { roots })).toBe(
      'malformed',
    )
    const sounds = await sound()
    expect(
      await withChain([
        Buffer.concat([sounds[0] ?? '', Buffer.alloc(1)] as Uint8Array[]),
        ...sounds.slice(1),
      ]),
    ).toBe('malformed')
    const extensions = [
      new BasicConstraintsExtension(true, undefined, true),
      new Extension('1.3.6.1.4.1.99999.1', false, new Uint8Array(4096)),
    ]
    const wordy = await anAndroidMaker({ intermediate: { extensions } })
    const theirs = { android: [wordy.root], apple: [] }
    const long = await wordy.attest(await leafKey(), challenge)
    expect(await withChain(long, { roots: theirs })).toBe('malformed')
  })

  test('of arbitrary bytes is answered, never thrown', async () => {
    const bytes = fc.uint8Array({ maxLength: 300 })
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 4 }), async (chain) => {
        expect(await withChain([...chain, android.root])).not.toBeNull()
      }),
      { numRuns: 200 },
    )
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
  const hash = () =>
    clientDataHashOf(
      challenge,
      own.map(({ kid }) => kid),
    )
  const attest = async (changes: AppAttestChanges = {}) => ({
    format: 'apple_app_attest' as const,
    object: text(await apple.attest(hash(), changes)),
  })

  test('is accepted when Apple attests the app over this claim and both its keys', async () => {
    expect(await verify(await attest())).toEqual({ level: 'app_attest', why: null })
    const withExtensions = { flags: 0xc0, after: Uint8Array.of(0xa0) }
    expect((await verify(await attest(withExtensions))).why).toBeNull()
  })

  test('is rejected about other keys, fewer keys, swapped keys, another enrollment', async () => {
    const [possession, verification] = own
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
      expect((await verify(await attest(), changes)).why).toBe('challenge_mismatch')
    }
  })

  test.each<[string, AppAttestChanges, string]>([
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
  ])('is rejected with %s', async (_, changes, why) => {
    expect(await verify(await attest(changes))).toEqual({ level: 'none', why })
  })

  test('is rejected under an unknown root', async () => {
    const otherDevice = await anAppleMaker()
    const object = text(await otherDevice.attest(hash()))
    // The names are the same, the keys are not.
    expect((await verify({ format: 'apple_app_attest', object })).why).toBe('chain_invalid')
    const roots = { android: [], apple: [android.root] }
    expect((await verify(await attest(), {}, { roots })).why).toBe('root_unknown')
  })

  test('is rejected for an app that is not listed', async () => {
    expect((await verify(await attest(), { appId: 'com.evil' })).why).toBe('app_not_listed')
  })

  test('that sends anything else is answered, never thrown: depth, length, duplicates, any bytes', async () => {
    const object = await apple.attest(hash())
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
      expect(await verify(statement)).toEqual({ level: 'none', why: 'malformed' })
    }
    await fc.assert(
      fc.asyncProperty(
        fc.nat(object.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const changedObject = object.map((byte, index) => (index === at ? byte ^ flip : byte))
          const statement = { format: 'apple_app_attest', object: text(changedObject) } as const
          await verify(statement)
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('the list of revoked certificates', () => {
  test('is read from the operator’s copy, again when it changes, and never half', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'countersign-'))
    const file = path.join(folder, 'status.json')
    const list = buildRevocationFile(file)
    const write = async (content: unknown, time: number) => {
      await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
      await utimes(file, time, time)
    }
    try {
      await expect(list.isRevoked('1f')).rejects.toThrow()
      await write({ entries: { '1F': { status: 'REVOKED' }, '002a': { status: 'SUSPENDED' } } }, 1)
      expect(await Promise.all(['1f', '2a', '3'].map(list.isRevoked))).toEqual([true, true, false])
      await write({ entries: { 3: { status: 'REVOKED' } } }, 2)
      expect(await Promise.all(['1f', '3'].map(list.isRevoked))).toEqual([false, true])
      for (const badContent of ['{"entries":', [], { entries: [] }, { entries: null }]) {
        await write(badContent, 3)
        await expect(list.isRevoked('1f')).rejects.toThrow()
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
