// What a test of a connection reaches outside of this process: the public origin, and the clock of
// a cloud of Entra.

import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import type { StepReason } from '../../domain/connection-test.ts'
import { type EntraCloud, entraDiscoveryUrl } from '../../domain/entra.ts'
import { readJsonObject } from '../../platform/crypto/strict-json.ts'
import { buildEgressGuard, type EgressGuard } from '../../platform/net/egress-guard.ts'
import { buildGuardedClient, type GuardedAnswer } from '../../platform/net/guarded-client.ts'
import { createClientDouble, isTokenValid } from './client-double.adapter.ts'
import type { ConnectionProbes } from './connection-test.store.ts'
import { createEntraDouble } from './entra-double.adapter.ts'

export type ProbeOptions = {
  /** Of the operator's configuration, never of a request. */
  readonly publicOrigin: string
  /** For the clouds of Entra. */
  readonly guard: EgressGuard
  readonly ca?: readonly string[]
  readonly discoveryUrlOf?: (cloud: EntraCloud) => string
}

const timeoutMs = 3_000
const bytesMax = 256 * 1024

/** Any address: where the public origin leads to is the operator's choice. */
function ownOriginGuard(publicOrigin: string): EgressGuard {
  const { hostname } = new URL(publicOrigin)
  const guard = buildEgressGuard({ httpHosts: [hostname], networks: ['0.0.0.0/0', '::/0'] })
  return { ...guard, fault: (url) => (new URL(url).origin === publicOrigin ? undefined : 'other') }
}

/** Faults of certificates, as OpenSSL and Node name them. */
const tlsCodePattern = /CERT|SELF_SIGNED|SIGNATURE|ALTNAME|ISSUER|^ERR_TLS/

const reasonOf = (error: unknown): StepReason =>
  tlsCodePattern.test(String((error as { readonly code?: unknown }).code ?? ''))
    ? 'certificate_untrusted'
    : 'unreachable'

function dateOf({ headers: { date } }: Pick<GuardedAnswer, 'headers'>): Date | null {
  const time = new Date(date ?? '')
  return Number.isNaN(time.getTime()) ? null : time
}

const form = 'application/x-www-form-urlencoded'

function readKey(key: Readonly<Record<string, unknown>>, now: Date): StepReason | undefined {
  const [text] = Array.isArray(key.x5c) ? key.x5c : []
  if (typeof text !== 'string') return 'key_without_certificate'
  const der = Buffer.from(text, 'base64')
  const certificate = new X509Certificate(der)
  const jwk = { key: key as never, format: 'jwk' } as const
  const thumbprint = createHash('sha1').update(der).digest('base64url')
  if (!certificate.publicKey.equals(createPublicKey(jwk)) || key.x5t !== thumbprint) {
    return 'certificate_of_other_key'
  }
  const isValid = certificate.validFromDate <= now && now < certificate.validToDate
  return isValid ? undefined : 'certificate_expired'
}

/** The probes of one process; connections are opened for each call, and closed after it. */
export function buildConnectionProbes(options: ProbeOptions): ConnectionProbes {
  const { publicOrigin, guard, ca = [], discoveryUrlOf = entraDiscoveryUrl } = options
  const own = buildGuardedClient({ guard: ownOriginGuard(publicOrigin) })
  const clouds = buildGuardedClient({ guard, ca })
  return {
    async call(path, fields) {
      const url = `${publicOrigin}${path}`
      const common = { url, timeoutMs, bytesMax }
      try {
        const answer = await own.send(
          fields === undefined
            ? { ...common, method: 'GET', headers: { accept: 'application/json' } }
            : {
                ...{ ...common, method: 'POST', body: `${new URLSearchParams(fields)}` },
                headers: { accept: 'application/json', 'content-type': form },
              },
        )
        return {
          status: answer.status,
          body: readJsonObject(Buffer.from(answer.body)),
          hasLength: answer.headers['content-length'] !== undefined,
          date: dateOf(answer),
        }
      } catch (error) {
        return reasonOf(error)
      }
    },

    async readEntraClock(cloud) {
      const url = discoveryUrlOf(cloud)
      try {
        const answer = await clouds.send({ method: 'GET', url, timeoutMs, bytesMax })
        return answer.status === 200 ? dateOf(answer) : 'unreachable'
      } catch {
        return 'unreachable'
      }
    },

    createEntraDouble,
    createClientDouble,
    isTokenValid,

    keyFault(key, now) {
      try {
        return readKey(key, now)
      } catch {
        return 'certificate_of_other_key'
      }
    },
  }
}
