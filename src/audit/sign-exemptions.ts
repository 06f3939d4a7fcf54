import { auditExemptionTyp, type Exemption, purgeExemption } from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import { issuerOf } from '../domain/issuer.ts'
import type { Clock, Hashing } from '../platform/world.ts'
import type { SigningKeys } from '../tenants/signing-keys.ts'
import type { ErasedDetails, Exempt, PurgedActivities } from './retention.store.ts'

export type Dependencies = {
  readonly hashing: Pick<Hashing, 'sha256Base64Url'>
  readonly signingKeys: Pick<SigningKeys, 'signer'>
  readonly clock: Clock
  readonly publicOrigin: string
}

/** The payload of every signed statement about a tenant's audit record. */
export function auditPayload(
  { clock, publicOrigin }: Pick<Dependencies, 'clock' | 'publicOrigin'>,
  tenantId: TenantId,
  claims: object,
): string {
  const iat = Math.floor(clock.now().getTime() / 1000)
  return JSON.stringify({ iss: issuerOf(publicOrigin, tenantId), tid: tenantId, iat, ...claims })
}

/**
 * Builds the details of events that excuse what a purge or an erasure removes; the key is loaded
 * beforehand, so that no transaction waits for it.
 */
export async function buildExemptions(dependencies: Dependencies, tenantId: TenantId) {
  const sign = await dependencies.signingKeys.signer(tenantId, auditExemptionTyp)
  const signExemption = (exemption: Exemption) =>
    sign(auditPayload(dependencies, tenantId, exemption))
  const purge: Exempt<PurgedActivities> = async ({ rows, ...removal }) => {
    const purgeClaims = purgeExemption(dependencies.hashing.sha256Base64Url, tenantId, removal)
    const { before: beforeMicros } = removal
    return {
      beforeMicros,
      count: rows,
      links: purgeClaims.links,
      exemption: await signExemption(purgeClaims.exemption),
    }
  }
  const erasure =
    (userId: string): Exempt<ErasedDetails> =>
    async (removal) => ({
      exemption: await signExemption({ ...removal, kind: 'user_erased', subject: userId }),
    })
  return { purge, erasure }
}
