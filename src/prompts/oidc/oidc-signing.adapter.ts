// Keys of ID tokens: RSA with a certificate, which Entra demands, and P-256.

import { createHash, createPrivateKey, type KeyObject, sign, type webcrypto } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import { exportJWK, exportPKCS8 } from 'jose/key/export'
import type { TenantId } from '../../domain/ids.ts'
import { type OidcAlgorithm, oidcAlgorithms } from '../../domain/oidc-key.ts'
import { KeyCache } from '../../platform/crypto/key-cache.ts'
import type { Clock, Sealing } from '../../platform/world.ts'
import type { NewOidcKey, OidcJwk, OidcSigning } from './oidc-key.store.ts'

const parameters = {
  RS256: {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  },
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
} as const satisfies Readonly<Record<OidcAlgorithm, object>>

/** R and S one after the other (RFC 7518, 3.4); nothing to RSA. */
const dsaEncoding = 'ieee-p1363'
const rememberedKeysMax = 1_000
/** Nobody checks a certificate of a key that is published over TLS: it must only not run out. */
const certificateYears = 20

function bindingOf(tenantId: TenantId, kid: string): string {
  return `oidc-key:${tenantId}:${kid}`
}

async function createCertificate(
  keys: webcrypto.CryptoKeyPair,
  alg: OidcAlgorithm,
  { issuer, notBefore }: { readonly issuer: string; readonly notBefore: Date },
) {
  const notAfter = new Date(notBefore)
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + certificateYears)
  const { host } = new URL(issuer)
  // Needed once for each tenant, and slow to load.
  await import('reflect-metadata')
  const { X509CertificateGenerator } = await import('@peculiar/x509')
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [`Countersign at ${host}`] }],
    ...{ notBefore, notAfter, keys, signingAlgorithm: parameters[alg] },
  })
  return new Uint8Array(certificate.rawData)
}

/** The public members of a key, with what clients may identify its certificate by. */
async function publicJwkOf(
  keys: webcrypto.CryptoKeyPair,
  alg: OidcAlgorithm,
  certificate: Uint8Array,
): Promise<OidcJwk> {
  const numbers = await exportJWK(keys.publicKey)
  const kid = await calculateJwkThumbprint(numbers)
  const texts = Object.entries(numbers).filter(([, value]) => typeof value === 'string')
  const x5t = createHash('sha1').update(certificate).digest('base64url')
  const x5c = [Buffer.from(certificate).toString('base64')]
  return { ...(Object.fromEntries(texts) as OidcJwk), kid, alg, use: 'sig', x5t, x5c }
}

const encode = (text: string) => Buffer.from(text).toString('base64url')

/** Signs with sealed keys, which it remembers opened. */
export function buildOidcSigning(
  sealing: Pick<Sealing, 'seal' | 'open'>,
  clock: Clock,
): OidcSigning {
  const privateKeys = new KeyCache(rememberedKeysMax)

  async function createKey(
    tenantId: TenantId,
    issuer: string,
    alg: OidcAlgorithm,
  ): Promise<NewOidcKey> {
    const keys = await crypto.subtle.generateKey(parameters[alg], true, ['sign', 'verify'])
    const certificate = await createCertificate(keys, alg, { issuer, notBefore: clock.now() })
    const publicJwk = await publicJwkOf(keys, alg, certificate)
    const kid = String(publicJwk.kid)
    const pem = await exportPKCS8(keys.privateKey)
    return {
      ...{ kid, alg, publicJwk, certificate },
      privateSealed: sealing.seal(pem, bindingOf(tenantId, kid)),
    }
  }

  function openKey(tenantId: TenantId, kid: string, privateSealed: Uint8Array): KeyObject {
    const name = bindingOf(tenantId, kid)
    const cachedKey = privateKeys.get(name)
    if (cachedKey) return cachedKey
    const key = createPrivateKey(sealing.open(privateSealed, name))
    privateKeys.set(name, key)
    return key
  }

  return {
    createKeys: (tenantId, issuer) =>
      Promise.all(oidcAlgorithms.map((alg) => createKey(tenantId, issuer, alg))),

    async sign(tenantId, { kid, alg, publicJwk, privateSealed }, payload) {
      const header = JSON.stringify({ alg, typ: 'JWT', kid, x5t: publicJwk.x5t })
      const input = `${encode(header)}.${encode(payload)}`
      const key = openKey(tenantId, kid, privateSealed)
      const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding })
      return `${input}.${signature.toString('base64url')}`
    },
  }
}
