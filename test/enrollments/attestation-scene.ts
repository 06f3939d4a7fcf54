import 'reflect-metadata'
import { test as base } from 'vitest'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import type { DeviceKey } from '../../src/domain/device.ts'
import { clientDataHashOf } from '../../src/enrollments/attestation/app-attest.ts'
import {
  type AttestationOptions,
  buildAttestationVerifier,
} from '../../src/enrollments/attestation/attestation.ts'
import { nothingRevoked } from '../../src/enrollments/attestation/revocation-file.ts'
import type {
  AttestationStatement,
  AttestedClaim,
} from '../../src/enrollments/attestation.store.ts'
import {
  type AppAttestChanges,
  anAndroidMaker,
  anAppleMaker,
  androidApp,
  appleApp,
  type KeyStatement,
  publicKeyOf,
} from '../support/attestation-authority.ts'

export const challenge = Buffer.alloc(32, 7).toString('base64url')
export const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

/** Both makers of phones, the keys of one phone, and the service that verifies what it states. */
async function openScene() {
  const android = await anAndroidMaker()
  const apple = await anAppleMaker()
  const keys = await createDeviceKeys({ verification: true })
  const { possession, verification } = keys
  if (!verification) throw new Error('a verification key was requested')
  const own: DeviceKey[] = [
    { role: 'possession', ...possession },
    { role: 'verification', ...verification },
  ]
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
      const chain = await maker.attest(
        await publicKeyOf(key),
        challenge,
        of === role ? changes : {},
      )
      return chain.map(text)
    }
    return {
      format: 'android_key',
      possession: await chainOf('possession'),
      verification: await chainOf('verification'),
    }
  }
  /** What Apple attests for the claim of this phone. */
  const hash = () =>
    clientDataHashOf(
      challenge,
      own.map(({ kid }) => kid),
    )
  const attest = async (changes: AppAttestChanges = {}) => ({
    format: 'apple_app_attest' as const,
    object: text(await apple.attest(hash(), changes)),
  })
  return { android, apple, keys, own, verify, androidStatement, hash, attest }
}

export type AttestationScene = Awaited<ReturnType<typeof openScene>>

/** A test with makers of phones that only it trusts. */
export const test = base.extend('scene', { scope: 'file' }, openScene)
