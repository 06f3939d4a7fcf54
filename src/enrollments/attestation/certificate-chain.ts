// Imported first, because the library underneath needs its decorators' metadata at load time.
import 'reflect-metadata'
import { createPublicKey } from 'node:crypto'
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate,
} from '@peculiar/x509'
import { fromBER } from 'asn1js'
import type { AttestationFault } from '../../domain/attestation.ts'
import type { PublicJwk } from '../../domain/device.ts'

/** No maker's chain is longer; five is usual. */
const chainLengthMax = 10
/** Of one certificate in DER. */
const certificateBytesMax = 4096

/** The rules for validating a chain. */
export type ChainRules = {
  readonly roots: readonly Uint8Array[]
  readonly at: Date
  /** Android's leaf is dated by the phone itself, so its dates prove nothing. */
  readonly leafIsDated: boolean
}

/** Leaf first, without the root. */
export type VerifiedChain = readonly [X509Certificate, ...X509Certificate[]]

/** Reads a certificate; undefined unless the bytes are exactly one. */
export function readCertificate(der: Uint8Array): X509Certificate | undefined {
  if (der.length > certificateBytesMax) return undefined
  try {
    const bytes = Uint8Array.from(der)
    // The library ignores bytes after the certificate.
    return fromBER(bytes).offset === bytes.length ? new X509Certificate(bytes) : undefined
  } catch {
    return undefined
  }
}

/**
 * Verifies a chain, leaf first, up to one of the roots (RFC 5280, 6.1, without policies and names):
 * order, names, signatures, dates, authority, path length, no unknown critical extension, nothing
 * weaker than 112 bits (NIST SP 800-63B-4, 3.2.4). The root may be the last certificate; then its
 * key decides, because makers reissue their roots over the same key.
 */
export async function verifyChain(
  ders: readonly Uint8Array[],
  { roots, at, leafIsDated }: ChainRules,
): Promise<VerifiedChain | AttestationFault> {
  if (ders.length > chainLengthMax) return 'malformed'
  const chain = ders.map(readCertificate)
  const anchors = roots.map(readCertificate)
  if (!areAll(chain) || !areAll(anchors)) return 'malformed'
  const pathToRoot = toAnchor(chain, anchors)
  if (!pathToRoot) return 'root_unknown'
  const { anchor, path } = pathToRoot
  const [leaf, ...authorities] = path
  if (!leaf) return 'chain_invalid'
  if (!isDated(anchor, at)) return 'certificate_expired'
  for (const [index, certificate] of path.entries()) {
    const issuer = path[index + 1] ?? anchor
    const fault = await checkLink(certificate, issuer)
    if (fault) return fault
    if ((index > 0 || leafIsDated) && !isDated(certificate, at)) return 'certificate_expired'
    if (index > 0 && !isAuthority(certificate, index - 1)) return 'certificate_not_authority'
  }
  return [leaf, ...authorities]
}

function areAll<T>(values: readonly (T | undefined)[]): values is readonly T[] {
  return values.every((value) => value !== undefined)
}

function toAnchor(chain: readonly X509Certificate[], anchors: readonly X509Certificate[]) {
  const last = chain.at(-1)
  if (!last) return undefined
  const itself = anchors.find((root) => isSame(root.publicKey.rawData, last.publicKey.rawData))
  if (itself) return { anchor: itself, path: chain.slice(0, -1) }
  // Another root with the same name is a different root.
  const anchor = isIssuer(last, last) ? undefined : anchors.find((root) => isIssuer(last, root))
  return anchor && { anchor, path: chain }
}

async function checkLink(
  certificate: X509Certificate,
  issuer: X509Certificate,
): Promise<AttestationFault | undefined> {
  if (!isIssuer(certificate, issuer)) return 'chain_invalid'
  if (!(await isSigned(certificate, issuer))) return 'chain_invalid'
  const knownExtensions = [BasicConstraintsExtension, KeyUsagesExtension]
  const isUnknown = certificate.extensions.some(
    (one) => one.critical && !knownExtensions.some((type) => one instanceof type),
  )
  return isUnknown ? 'chain_invalid' : undefined
}

async function isSigned(certificate: X509Certificate, issuer: X509Certificate): Promise<boolean> {
  const { publicKey } = issuer
  try {
    return (
      isStrong(certificate, issuer) &&
      (await certificate.verify({ publicKey, signatureOnly: true }))
    )
  } catch {
    // An unreadable key, or one that does not fit the algorithm of the signature.
    return false
  }
}

function isIssuer(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return isSame(certificate.issuerName.toArrayBuffer(), issuer.subjectName.toArrayBuffer())
}

function isSame(a: ArrayBuffer, b: ArrayBuffer): boolean {
  return Buffer.from(a).equals(Buffer.from(b))
}

const strongHashes = ['SHA-256', 'SHA-384', 'SHA-512']
const strongCurves = ['prime256v1', 'secp384r1', 'secp521r1']

function isStrong({ signatureAlgorithm }: X509Certificate, issuer: X509Certificate): boolean {
  const key = keyOf(issuer)
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  const isKeyStrong =
    key.asymmetricKeyType === 'rsa' ? modulusLength >= 2048 : strongCurves.includes(namedCurve)
  return isKeyStrong && strongHashes.includes(signatureAlgorithm.hash.name)
}

function isDated({ notBefore, notAfter }: X509Certificate, at: Date): boolean {
  return notBefore <= at && at <= notAfter
}

function isAuthority(certificate: X509Certificate, authoritiesBelow: number): boolean {
  const constraints = certificate.getExtension(BasicConstraintsExtension)
  const usages = certificate.getExtension(KeyUsagesExtension)
  if (!constraints?.ca) return false
  if ((constraints.pathLength ?? authoritiesBelow) < authoritiesBelow) return false
  return usages === null || (usages.usages & KeyUsageFlags.keyCertSign) !== 0
}

function keyOf(certificate: X509Certificate) {
  const key = Buffer.from(certificate.publicKey.rawData)
  return createPublicKey({ key, format: 'der', type: 'spki' })
}

/** The certified key as a JWK like a device's; undefined when it is not a P-256 key. */
export function certifiedKey(certificate: X509Certificate): PublicJwk | undefined {
  try {
    const { kty, crv, x, y } = keyOf(certificate).export({ format: 'jwk' })
    return kty === 'EC' && crv === 'P-256' && x && y ? { kty, crv, x, y } : undefined
  } catch {
    return undefined
  }
}

/**
 * The contents of the one extension of this kind; undefined when there is none, or more than one.
 */
export function extensionOf(certificate: X509Certificate, oid: string): Uint8Array | undefined {
  const [extension, another] = certificate.getExtensions(oid)
  return extension && !another ? new Uint8Array(extension.value) : undefined
}

/**
 * A certificate's serial number as revocation lists write it: lower-case hex without leading zeros.
 */
export function serialOf({ serialNumber }: X509Certificate): string {
  return serialNumber.toLowerCase().replace(/^0+(?=.)/, '')
}
