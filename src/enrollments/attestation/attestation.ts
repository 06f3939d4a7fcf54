import type { AttestationFault, AttestationFinding } from '../../domain/attestation.ts'
import { keyRoles } from '../../domain/device.ts'
import type { AndroidApp } from '../../domain/key-description.ts'
import type {
  AttestationStatement,
  AttestationVerifier,
  AttestedClaim,
  RevokedCertificates,
} from '../attestation.store.ts'
import type { AppleApp } from './app-attest.ts'
import type { AttestationRoots } from './attestation-roots.ts'
import { buildRevocationFile, nothingRevoked } from './revocation-file.ts'

export type AttestationOptions = {
  readonly roots: AttestationRoots
  readonly revocations: RevokedCertificates
  readonly androidApps: readonly AndroidApp[]
  readonly appleApps: readonly AppleApp[]
}

/** The verifier of one process; without a file nothing counts as revoked. */
export function openAttestationVerifier(
  apps: Pick<AttestationOptions, 'androidApps' | 'appleApps'> & {
    readonly revocationsFile: string | null
  },
  roots: AttestationRoots,
): AttestationVerifier {
  const { revocationsFile } = apps
  const revocations =
    revocationsFile === null ? nothingRevoked : buildRevocationFile(revocationsFile)
  return buildAttestationVerifier({ ...apps, roots, revocations })
}

/** Verifies attestations without a network: roots, apps and revocations are all local. */
export function buildAttestationVerifier(options: AttestationOptions): AttestationVerifier {
  return {
    async verify(statement, claim) {
      // Before the `try`: a library that cannot be loaded is no fault of the attestation.
      const makers = await loadMakers()
      try {
        return statement.format === 'android_key'
          ? await verifyAndroid(makers, options, statement, claim)
          : await verifyApple(makers, options, statement, claim)
      } catch {
        return none('malformed')
      }
    },
  }
}

/** Loaded for the first attestation: the libraries that read certificates are 220 files. */
async function loadMakers() {
  const [android, apple] = await Promise.all([
    import('./android-attestation.ts'),
    import('./app-attest.ts'),
  ])
  return { ...android, ...apple }
}

type Makers = Awaited<ReturnType<typeof loadMakers>>

const none = (why: AttestationFault): AttestationFinding => ({ level: 'none', why })

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))

async function verifyAndroid(
  { verifyAndroidKey }: Makers,
  { roots, revocations, androidApps }: AttestationOptions,
  statement: Extract<AttestationStatement, { format: 'android_key' }>,
  { appId, keys, challenge, at }: AttestedClaim,
): Promise<AttestationFinding> {
  const app = androidApps.find(({ packageName }) => packageName === appId)
  if (!app) return none('app_not_listed')
  let weakest: AttestationFinding = { level: 'strongbox', why: null }
  for (const key of keys) {
    const chain = statement[key.role]
    if (!chain) return none('key_not_attested')
    const finding = await verifyAndroidKey(chain.map(bytesOf), {
      key,
      challenge,
      app,
      roots: roots.android,
      at,
      revocations,
    })
    if (finding.why !== null) return finding
    if (finding.level === 'tee') weakest = finding
  }
  return weakest
}

async function verifyApple(
  { clientDataHashOf, verifyAppAttest }: Makers,
  { roots, appleApps }: AttestationOptions,
  { object }: Extract<AttestationStatement, { format: 'apple_app_attest' }>,
  { appId, keys, challenge, at }: AttestedClaim,
): Promise<AttestationFinding> {
  const apps = appleApps.filter(({ bundleId }) => bundleId === appId)
  if (apps.length === 0) return none('app_not_listed')
  const kids = keyRoles.flatMap((role) =>
    keys.filter((key) => key.role === role).map(({ kid }) => kid),
  )
  const clientDataHash = clientDataHashOf(challenge, kids)
  return verifyAppAttest(bytesOf(object), { clientDataHash, apps, roots: roots.apple, at })
}
