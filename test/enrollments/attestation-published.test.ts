// What the makers really write, against their real roots, at a time when it was valid.

import 'reflect-metadata'
import { createHash } from 'node:crypto'
import { X509Certificate } from '@peculiar/x509'
import { describe, expect, test } from 'vitest'
import { verifyAndroidKey } from '../../src/enrollments/attestation/android-attestation.ts'
import { readKeyDescription } from '../../src/enrollments/attestation/android-key-description.ts'
import { verifyAppAttest } from '../../src/enrollments/attestation/app-attest.ts'
import {
  pinnedAttestationRoots,
  pinnedRoots,
} from '../../src/enrollments/attestation/attestation-roots.ts'
import {
  certifiedKey,
  extensionOf,
  readCertificate,
} from '../../src/enrollments/attestation/certificate-chain.ts'
import { nothingRevoked } from '../../src/enrollments/attestation/revocation-file.ts'
import { androidApp } from '../support/attestation-authority.ts'
import vectors from './attestation-vectors.json' with { type: 'json' }

const roots = pinnedAttestationRoots()
const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'))
const flipBit = (input: Uint8Array, at: number) =>
  input.map((byte, index) => (index === at ? byte ^ 1 : byte))

describe('the pinned roots', () => {
  test.each(pinnedRoots)(
    '$name matches its fingerprint and verifies its own signature',
    async (root) => {
      const der = bytes(root.der)
      expect(createHash('sha256').update(der).digest('hex')).toBe(root.sha256)
      const certificate = new X509Certificate(der)
      expect(
        await certificate.verify({ publicKey: certificate.publicKey, signatureOnly: true }),
      ).toBe(true)
    },
  )

  test('are two of Google’s and one of Apple’s', () => {
    expect(pinnedRoots.map(({ maker, sha256 }) => `${maker} ${sha256.slice(0, 8)}`)).toEqual([
      'android cedb1cb6',
      'android 6d9db4ce',
      'apple 1cb9823b',
    ])
    expect([roots.android.length, roots.apple.length]).toEqual([2, 1])
  })
})

describe('a chain that a Pixel 9 Pro created', () => {
  const { android } = vectors
  const chain = android.chain.map(bytes)
  const leaf = readCertificate(chain[0] ?? new Uint8Array())
  const publicJwk = leaf && certifiedKey(leaf)
  if (!leaf || !publicJwk) throw new Error('the vector has a leaf')
  const rules = {
    key: { role: 'possession', kid: 'k', publicJwk },
    challenge: Buffer.from(android.challenge, 'base64').toString('base64url'),
    app: { packageName: android.packageName, signers: [android.signer] },
    roots: roots.android,
    at: new Date(android.time),
    revocations: nothingRevoked,
  } as const

  test('yields what Google’s own reader finds in it', () => {
    const extension = extensionOf(leaf, '1.3.6.1.4.1.11129.2.1.17')
    expect(readKeyDescription(extension ?? new Uint8Array())).toEqual({
      attestationLevel: 'tee',
      keyLevel: 'tee',
      challenge: rules.challenge,
      purposes: [2, 3],
      algorithm: 3,
      curve: 1,
      origin: 0,
      authentication: 'none',
      allApplications: false,
      rootOfTrust: { isLocked: true, bootState: 0 },
      packages: [android.packageName],
      signers: [android.signer],
    })
  })

  test('is accepted for a possession key', async () => {
    expect(await verifyAndroidKey(chain, rules)).toEqual({ level: 'tee', why: null })
  })

  test('ends at the pinned root with or without its own copy of it', async () => {
    expect(await verifyAndroidKey(chain.slice(0, -1), rules)).toEqual({ level: 'tee', why: null })
  })

  test('is no verification key: it requires no user presence', async () => {
    const key = { ...rules.key, role: 'verification' } as const
    expect((await verifyAndroidKey(chain, { ...rules, key })).why).toBe('user_not_authenticated')
  })

  test('is rejected outside its validity, for another challenge or for another app', async () => {
    const whys = [
      { at: new Date('2026-11-22') },
      { at: new Date('2025-09-01') },
      { challenge: 'AAAA' },
      { app: androidApp },
      { app: { packageName: android.packageName, signers: ['00'] } },
      { roots: roots.apple },
    ].map(async (changes) => (await verifyAndroidKey(chain, { ...rules, ...changes })).why)
    expect(await Promise.all(whys)).toEqual([
      'certificate_expired',
      'certificate_expired',
      'challenge_mismatch',
      'app_mismatch',
      'app_mismatch',
      'root_unknown',
    ])
  })

  test.each([0, 1, 2, 3])('is rejected with one bit of certificate %i flipped', async (index) => {
    const length = chain[index]?.length ?? 0
    for (const at of [length >> 1, length - 3]) {
      const changedChain = chain.map((one, place) => (place === index ? flipBit(one, at) : one))
      expect((await verifyAndroidKey(changedChain, rules)).level).toBe('none')
    }
  })
})

describe('what Apple signed for an iPhone', () => {
  const { apple } = vectors
  const at = new Date(apple.time)
  const app = { teamId: apple.teamId, bundleId: apple.bundleId, development: false }
  const hashOf = ({ challenge }: { challenge: string }) =>
    createHash('sha256').update(bytes(challenge)).digest()
  const verify = (
    attestation: typeof apple.production,
    changes: Partial<Parameters<typeof verifyAppAttest>[1]> = {},
  ) =>
    verifyAppAttest(bytes(attestation.object), {
      clientDataHash: hashOf(attestation),
      apps: [app],
      roots: roots.apple,
      at,
      ...changes,
    })

  test('is accepted', async () => {
    expect(await verify(apple.production)).toEqual({ level: 'app_attest', why: null })
  })

  test('is accepted from a developer’s own build only where that is allowed', async () => {
    const development = { ...app, development: true }
    expect((await verify(apple.development)).why).toBe('environment_not_allowed')
    expect((await verify(apple.development, { apps: [development] })).why).toBeNull()
  })

  test('is rejected for other data, another app, at another time, under another root', async () => {
    const other = { ...app, teamId: 'ABCDE12345' }
    const whys = [
      { clientDataHash: hashOf(apple.development) },
      { apps: [other] },
      { at: new Date('2026-11-22') },
      { roots: roots.android },
    ].map(async (changes) => (await verify(apple.production, changes)).why)
    expect(await Promise.all(whys)).toEqual([
      'challenge_mismatch',
      'app_mismatch',
      'certificate_expired',
      'root_unknown',
    ])
  })
})
