import { auditExemptionTyp, type Exemption, purgeExemption } from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import { issuerOf } from '../domain/issuer.ts'
import type { GoneDetails } from '../ports/personal-data-store.ts'
import type { Exempt, GoneActivities } from '../ports/retention-store.ts'
import type { Clock, Hashing } from '../ports/world.ts'
import type { SigningKeys } from './signing-keys.ts'

export type Needs = {
  readonly hashing: Pick<Hashing, 'sha256Base64Url'>
  readonly signingKeys: Pick<SigningKeys, 'signer'>
  readonly clock: Clock
  readonly publicOrigin: string
}

/** The payload of what is signed about a tenant's audit record. */
export function auditPayload(
  { clock, publicOrigin }: Pick<Needs, 'clock' | 'publicOrigin'>,
  tenantId: TenantId,
  claims: object,
): string {
  const iat = Math.floor(clock.now().getTime() / 1000)
  return JSON.stringify({ iss: issuerOf(publicOrigin, tenantId), tid: tenantId, iat, ...claims })
}

/** The details of events that excuse what a purge or an erasure takes; the key is at hand, so that no transaction waits for it. */
export async function exempting(needs: Needs, tenantId: TenantId) {
  const sign = await needs.signingKeys.signer(tenantId, auditExemptionTyp)
  const signed = (exemption: Exemption) => sign(auditPayload(needs, tenantId, exemption))
  const purge: Exempt<GoneActivities> = async ({ rows, ...gone }) => {
    const made = purgeExemption(needs.hashing.sha256Base64Url, tenantId, gone)
    const { before: beforeMicros } = gone
    return { beforeMicros, count: rows, links: made.links, exemption: await signed(made.exemption) }
  }
  const erasure =
    (userId: string): Exempt<GoneDetails> =>
    async (gone) => ({
      exemption: await signed({ ...gone, kind: 'user_erased', subject: userId }),
    })
  return { purge, erasure }
}
