import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

/**
 * The material of the gateway's TLS servers, and the authority that a client must trust to reach
 * them.
 */
export type TlsCredentials = {
  readonly caPem: string
  readonly certificatePem: string
  readonly keyPem: string
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 24 * 60 * 60 * 1000
const DNS_NAMES = [
  'api.push.apple.com',
  'api.sandbox.push.apple.com',
  'fcm.googleapis.com',
  'oauth2.googleapis.com',
  'updates.push.services.mozilla.com',
  '*.push.apple.com',
  '*.notify.windows.com',
  'localhost',
]

function createKeys() {
  return crypto.subtle.generateKey(P256, true, ['sign', 'verify'])
}

function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 30 * DAY_MS) }
}

/**
 * A fresh authority and one server certificate for every name of the providers, so that clients
 * keep their ordinary name check (RFC 9525) while they connect to loopback. The authority's key is
 * discarded immediately.
 */
export async function createTlsCredentials(): Promise<TlsCredentials> {
  const authorityKeys = await createKeys()
  const authority = await X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: 'CN=Push simulator authority',
    keys: authorityKeys,
    signingAlgorithm: P256,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
    ],
  })
  const serverKeys = await createKeys()
  const server = await X509CertificateGenerator.create({
    ...validity(),
    subject: 'CN=Push simulator',
    issuer: authority.subject,
    publicKey: serverKeys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: P256,
    extensions: [
      new BasicConstraintsExtension(false),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        ...DNS_NAMES.map((value) => ({ type: 'dns' as const, value })),
        { type: 'ip', value: '127.0.0.1' },
      ]),
    ],
  })
  const key = await crypto.subtle.exportKey('pkcs8', serverKeys.privateKey)
  return {
    caPem: authority.toString('pem'),
    certificatePem: server.toString('pem'),
    keyPem: PemConverter.encode(key, 'PRIVATE KEY'),
  }
}
