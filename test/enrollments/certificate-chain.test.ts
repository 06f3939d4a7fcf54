import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type X509Certificate,
} from '@peculiar/x509'
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import type { AttestationOptions } from '../../src/enrollments/attestation/attestation.ts'
import { serialOf } from '../../src/enrollments/attestation/certificate-chain.ts'
import type { AttestedClaim } from '../../src/enrollments/attestation.store.ts'
import {
  anAndroidMaker,
  anAuthority,
  aRoot,
  attesting,
  certify,
  createKeys,
  publicKeyOf,
  soundStatement,
} from '../support/attestation-authority.ts'
import { type AttestationScene, challenge, test as sceneTest, text } from './attestation-scene.ts'

const day = 24 * 60 * 60 * 1000
const der = ({ rawData }: X509Certificate) => new Uint8Array(rawData)

/** What a phone sends as the chain of its possession key, and why that is rejected. */
function chainsOf({ android, keys, own, verify }: AttestationScene) {
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
  return { withChain, leafKey, sound }
}
type Chains = ReturnType<typeof chainsOf>

const test = sceneTest.extend('chains', { scope: 'file' }, ({ scene }) => chainsOf(scene))

describe('a certificate chain', () => {
  test('under an unknown root is rejected', async ({ chains }) => {
    const otherDevice = await anAndroidMaker()
    expect(
      await chains.withChain(await otherDevice.attest(await chains.leafKey(), challenge)),
    ).toBe('root_unknown')
  })

  test('under a root that only has the right name is rejected', async ({ chains, scene }) => {
    const otherDevice = await anAndroidMaker()
    const chain = await otherDevice.attest(await chains.leafKey(), challenge)
    expect(await chains.withChain(chain)).toBe('root_unknown')
    expect(await chains.withChain(chain.slice(0, -1))).toBe('chain_invalid')
    expect(await chains.withChain([...chain.slice(0, -1), scene.android.root])).toBe(
      'chain_invalid',
    )
  })

  test('in another order, with a gap or with nothing but the root is rejected', async ({
    chains,
  }) => {
    const chain = await chains.sound()
    const [leaf, phone, intermediate, root] = chain
    if (!leaf || !phone || !intermediate || !root) throw new Error('a sound chain has four')
    expect(await chains.withChain(chain)).toBeNull()
    expect(await chains.withChain(chain.toReversed())).toBe('root_unknown')
    expect(await chains.withChain([leaf, intermediate, phone, root])).toBe('chain_invalid')
    expect(await chains.withChain([leaf, intermediate, root])).toBe('chain_invalid')
    expect(await chains.withChain([phone, intermediate, root])).toBe('malformed')
    expect(await chains.withChain([root])).toBe('chain_invalid')
    expect(await chains.withChain([leaf])).toBe('root_unknown')
    expect(await chains.withChain([])).toBe('root_unknown')
  })

  test('with an expired or future authority is rejected, as is one under an expired root', async ({
    chains,
  }) => {
    for (const dates of [
      { notBefore: new Date(Date.now() - 9 * day), notAfter: new Date(Date.now() - day) },
      { notBefore: new Date(Date.now() + day) },
    ]) {
      const maker = await anAndroidMaker({ intermediate: dates })
      const roots = { android: [maker.root], apple: [] }
      const chain = await maker.attest(await chains.leafKey(), challenge)
      expect(await chains.withChain(chain, { roots })).toBe('certificate_expired')
    }
    const later = { at: new Date(Date.now() + 2000 * day) }
    expect(await chains.withChain(await chains.sound(), {}, later)).toBe('certificate_expired')
  })

  test('under an expired root is rejected, even if everything below it is valid', async ({
    chains,
  }) => {
    const maker = await anAndroidMaker({ root: { notAfter: new Date(Date.now() - 1000) } })
    const roots = { android: [maker.root], apple: [] }
    const chain = await maker.attest(await chains.leafKey(), challenge)
    expect(await chains.withChain(chain, { roots })).toBe('certificate_expired')
  })

  test('whose names do not lead to each other is rejected, even if the signatures do', async ({
    scene,
    chains,
  }) => {
    const { phone, root } = scene.android.authorities
    const leaf = await certify({
      subject: 'CN=Key',
      issuer: { certificate: root.certificate, keys: phone.keys },
      publicKey: await chains.leafKey(),
      extensions: [attesting({ ...soundStatement, challenge })],
    })
    expect(await chains.withChain([der(leaf), ...scene.android.above])).toBe('chain_invalid')
  })

  test('with SHA-1 or a short RSA key in it is rejected', async ({ chains }) => {
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
      const chain = await maker.attest(await chains.leafKey(), challenge)
      return chains.withChain(chain, { roots: { android: [maker.root], apple: [] } })
    })
    expect(await Promise.all(whys)).toEqual(['chain_invalid', 'chain_invalid', null])
  })

  test('with an unknown critical extension is rejected', async ({ chains }) => {
    for (const critical of [true, false]) {
      const extensions = [
        new BasicConstraintsExtension(true, undefined, true),
        new Extension('1.3.6.1.4.1.99999.1', critical, new Uint8Array([5, 0])),
      ]
      const maker = await anAndroidMaker({ intermediate: { extensions } })
      const roots = { android: [maker.root], apple: [] }
      const chain = await maker.attest(await chains.leafKey(), challenge)
      expect(await chains.withChain(chain, { roots })).toBe(critical ? 'chain_invalid' : null)
    }
  })

  test.for<readonly [string, Extension[]]>([
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
  ])('through a certificate that %s is rejected', async ([_, extensions], { chains }) => {
    const maker = await anAndroidMaker({ intermediate: { extensions } })
    const roots = { android: [maker.root], apple: [] }
    const chain = await maker.attest(await chains.leafKey(), challenge)
    expect(await chains.withChain(chain, { roots })).toBe('certificate_not_authority')
  })

  describe('extended by the holder of an attested key', () => {
    const lie = { challenge, attestationLevel: 2, keyLevel: 2 }

    async function extendedChain(
      { android }: AttestationScene,
      { leafKey }: Chains,
      extensions: BasicConstraintsExtension[],
      isAttested: boolean,
    ) {
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

    test('is rejected: an attested key is no authority', async ({ chains, scene }) => {
      const constraints = new BasicConstraintsExtension(false, undefined, true)
      expect(await chains.withChain(await extendedChain(scene, chains, [constraints], true))).toBe(
        'certificate_not_authority',
      )
    })

    test('is rejected even if the attested key were an authority', async ({ chains, scene }) => {
      const constraints = new BasicConstraintsExtension(true, undefined, true)
      expect(await chains.withChain(await extendedChain(scene, chains, [constraints], true))).toBe(
        'attestation_not_at_leaf',
      )
    })
  })

  test('with a revoked certificate is rejected, at any position', async ({ chains, scene }) => {
    const chain = await chains.sound()
    const { intermediate, phone } = scene.android.authorities
    for (const { certificate } of [intermediate, phone]) {
      const serial = serialOf(certificate)
      const revocations = { isRevoked: async (one: string) => one === serial }
      expect(await chains.withChain(chain, { revocations })).toBe('certificate_revoked')
    }
  })

  test('is rejected while the list of revoked certificates cannot be read', async ({ chains }) => {
    const revocations = { isRevoked: () => Promise.reject(new Error('the file is gone')) }
    expect(await chains.withChain(await chains.sound(), { revocations })).toBe(
      'revocations_unreadable',
    )
  })

  test('has at most ten certificates of at most 4 KiB, and nothing after any of them', async ({
    chains,
  }) => {
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
      publicKey: await chains.leafKey(),
      extensions: [attesting({ ...soundStatement, challenge })],
    })
    const roots = { android: [der(root.certificate)], apple: [] }
    expect(await chains.withChain([der(leaf), ...chain], { roots })).toBeNull()
    expect(await chains.withChain([der(leaf), ...chain, der(root.certificate)], { roots })).toBe(
      'malformed',
    )
    const sounds = await chains.sound()
    expect(
      await chains.withChain([
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
    const long = await wordy.attest(await chains.leafKey(), challenge)
    expect(await chains.withChain(long, { roots: theirs })).toBe('malformed')
  })

  test('of arbitrary bytes is answered, never thrown', async ({ chains, scene }) => {
    const bytes = fc.uint8Array({ maxLength: 300 })
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 4 }), async (chain) => {
        expect(await chains.withChain([...chain, scene.android.root])).not.toBeNull()
      }),
      { numRuns: 200 },
    )
  })

  test('with one changed byte is answered, never thrown', async ({ chains }) => {
    const chain = await chains.sound()
    const reasons = new Set<string | null>()
    const change = fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }))
    await fc.assert(
      fc.asyncProperty(change, async ([which, where, bits]) => {
        const changedChain = chain.map((bytes) => bytes.slice())
        const bytes = changedChain[which % (chain.length - 1)] ?? new Uint8Array(1)
        const at = where % bytes.length
        bytes[at] = (bytes[at] ?? 0) ^ bits
        reasons.add(await chains.withChain(changedChain))
      }),
      { numRuns: 200 },
    )
    // It got as far as the signatures, and not only to the first byte that cannot be read.
    expect([...reasons]).toEqual(expect.arrayContaining(['malformed', 'chain_invalid']))
  })
})
