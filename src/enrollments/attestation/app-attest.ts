import { createHash } from 'node:crypto'
import { decode, decodeFirst } from 'cborg'
import type { AttestationFault, AttestationFinding } from '../../domain/attestation.ts'
import type { PublicJwk } from '../../domain/device.ts'
import { certifiedKey, extensionOf, verifyChain } from './certificate-chain.ts'

/** An Apple app that may enroll. */
export type AppleApp = {
  readonly teamId: string
  readonly bundleId: string
  /** Whether builds from a developer's own machine may enroll as well. */
  readonly development: boolean
}

/** What an attestation object is verified against. */
export type AppAttestRules = {
  /** SHA-256 of what the app gave to `attestKey`, as the service calculates it. */
  readonly clientDataHash: Uint8Array
  readonly apps: readonly AppleApp[]
  readonly roots: readonly Uint8Array[]
  readonly at: Date
}

const nonceOid = '1.2.840.113635.100.8.2'
// SEQUENCE { [1] { OCTET STRING of 32 bytes } }
const nonceHead = Buffer.from('3024a1220420', 'hex')
const environments = {
  appattestdevelop: 'development',
  'appattest\0\0\0\0\0\0\0': 'production',
} as const
const hasCredential = 0x40
const hasExtensions = 0x80

// An attestation object needs nothing of what these options reject.
const strictly = {
  strict: true,
  useMaps: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
} as const

/**
 * The client data hash that binds an attestation object to one enrollment and to all keys of a
 * device: SHA-256 of the challenge's 32 bytes, then the 32 bytes of each key's thumbprint,
 * possession before verification.
 */
export function clientDataHashOf(challenge: string, kids: readonly string[]): Buffer {
  return sha256(...[challenge, ...kids].map((one) => Buffer.from(one, 'base64url')))
}

/**
 * Verifies an attestation object in the nine steps of Apple's "Validating apps that connect to your
 * server".
 */
export async function verifyAppAttest(
  object: Uint8Array,
  { clientDataHash, apps, roots, at }: AppAttestRules,
): Promise<AttestationFinding> {
  const fault = (why: AttestationFault) => ({ level: 'none', why }) as const
  const statement = readObject(object)
  if (!statement) return fault('malformed')
  const { authData, certificates } = statement
  const chain = await verifyChain(certificates, { roots, at, leafIsDated: true })
  if (typeof chain === 'string') return fault(chain)
  const [leaf] = chain
  const nonce = sha256(authData, clientDataHash)
  const extension = extensionOf(leaf, nonceOid)
  if (!extension) return fault('malformed')
  if (!Buffer.concat([nonceHead, nonce]).equals(extension)) return fault('challenge_mismatch')
  const data = readAuthenticatorData(authData)
  const leafKey = certifiedKey(leaf)
  if (!data || !leafKey) return fault('malformed')
  const keyId = sha256(pointOf(leafKey))
  const isOneKey = leafKey.x === data.x && leafKey.y === data.y
  if (!keyId.equals(data.credentialId) || !isOneKey) return fault('key_mismatch')
  const matchingApps = apps.filter(({ teamId, bundleId }) =>
    sha256(Buffer.from(`${teamId}.${bundleId}`)).equals(data.rpIdHash),
  )
  if (matchingApps.length === 0) return fault('app_mismatch')
  if (data.counter !== 0) return fault('counter_used')
  const environment = environments[data.aaguid as keyof typeof environments]
  const isAllowed =
    environment === 'production' ||
    (environment === 'development' && matchingApps.some((app) => app.development))
  return isAllowed ? { level: 'app_attest', why: null } : fault('environment_not_allowed')
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

function pointOf({ x, y }: PublicJwk): Buffer {
  return Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
}

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array
const orUndefined = <T>(read: () => T): T | undefined => {
  try {
    return read()
  } catch {
    return undefined
  }
}

function readObject(object: Uint8Array) {
  const attestation: unknown = orUndefined(() => decode(object, strictly))
  if (!(attestation instanceof Map) || attestation.get('fmt') !== 'apple-appattest')
    return undefined
  const [authData, statement]: unknown[] = [attestation.get('authData'), attestation.get('attStmt')]
  const certificates: unknown = statement instanceof Map ? statement.get('x5c') : undefined
  if (!isBytes(authData) || !Array.isArray(certificates)) return undefined
  return certificates.length > 1 && certificates.every(isBytes)
    ? { authData, certificates }
    : undefined
}

/** The authenticator data of W3C Web Authentication, 6.1, with its one credential. */
function readAuthenticatorData(data: Uint8Array) {
  const bytes = Buffer.from(data)
  const flags = bytes[32] ?? 0
  if (bytes.length < 55 || (flags & hasCredential) === 0) return undefined
  const idEnd = 55 + bytes.readUInt16BE(53)
  const credential = orUndefined(() => decodeFirst(bytes.subarray(idEnd), strictly))
  if (!credential) return undefined
  const [key, rest]: [unknown, Uint8Array] = credential
  if (!(key instanceof Map) || (rest.length > 0 && (flags & hasExtensions) === 0)) return undefined
  const [x, y]: unknown[] = [key.get(-2), key.get(-3)]
  // COSE (RFC 9053): an EC key, on P-256, for ES256.
  const isP256 = key.get(1) === 2 && key.get(3) === -7 && key.get(-1) === 1
  if (!isP256 || !isBytes(x) || !isBytes(y)) return undefined
  return {
    rpIdHash: bytes.subarray(0, 32),
    counter: bytes.readUInt32BE(33),
    aaguid: bytes.toString('latin1', 37, 53),
    credentialId: bytes.subarray(55, idEnd),
    x: Buffer.from(x).toString('base64url'),
    y: Buffer.from(y).toString('base64url'),
  }
}
