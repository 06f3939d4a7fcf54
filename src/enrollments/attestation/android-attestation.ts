import type { AttestationFault, AttestationFinding } from '../../domain/attestation.ts'
import type { DeviceKey } from '../../domain/device.ts'
import { type AndroidApp, checkKeyDescription } from '../../domain/key-description.ts'
import type { RevokedCertificates } from '../attestation.store.ts'
import { readKeyDescription } from './android-key-description.ts'
import {
  certifiedKey,
  extensionOf,
  serialOf,
  type VerifiedChain,
  verifyChain,
} from './certificate-chain.ts'

const extensionOid = '1.3.6.1.4.1.11129.2.1.17'

/** What one key's chain is verified against. */
export type AndroidRules = {
  readonly key: DeviceKey
  readonly challenge: string
  readonly app: AndroidApp
  readonly roots: readonly Uint8Array[]
  readonly at: Date
  readonly revocations: RevokedCertificates
}

/**
 * Verifies the attestation of one key (developer.android.com, "Verify hardware-backed key pairs").
 * Only the leaf may carry the extension: with an attested key one can sign certificates, and extend
 * a genuine chain by a leaf that says anything.
 */
export async function verifyAndroidKey(
  ders: readonly Uint8Array[],
  { key, challenge, app, roots, at, revocations }: AndroidRules,
): Promise<AttestationFinding> {
  const chain = await verifyChain(ders, { roots, at, leafIsDated: false })
  if (typeof chain === 'string') return { level: 'none', why: chain }
  const [leaf, ...authorities] = chain
  if (authorities.some((one) => one.getExtensions(extensionOid).length > 0)) {
    return { level: 'none', why: 'attestation_not_at_leaf' }
  }
  const fault = await checkRevocation(chain, revocations)
  if (fault) return { level: 'none', why: fault }
  const extension = extensionOf(leaf, extensionOid)
  const description = extension && readKeyDescription(extension)
  if (!description) return { level: 'none', why: 'malformed' }
  const leafKey = certifiedKey(leaf)
  if (leafKey?.x !== key.publicJwk.x || leafKey.y !== key.publicJwk.y) {
    return { level: 'none', why: 'key_mismatch' }
  }
  return checkKeyDescription(description, { role: key.role, challenge, app })
}

async function checkRevocation(
  chain: VerifiedChain,
  revocations: RevokedCertificates,
): Promise<AttestationFault | undefined> {
  try {
    for (const certificate of chain) {
      if (await revocations.isRevoked(serialOf(certificate))) return 'certificate_revoked'
    }
    return undefined
  } catch {
    return 'revocations_unreadable'
  }
}
