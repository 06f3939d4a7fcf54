import type { Principal } from '../domain/principal.ts'
import { askableKinds, countReadiness, type ReadinessCounts } from '../domain/readiness-counts.ts'
import type { SharedReads } from '../platform/shared-reads.ts'
import type { TenantStore } from '../tenants/directory.store.ts'
import type { ReadinessCountStore } from './readiness-counts.store.ts'

export type Dependencies = {
  readonly readinessCounts: ReadinessCountStore
  readonly tenants: Pick<TenantStore, 'findPolicy'>
  readonly sharedReads: SharedReads
}

/**
 * How many users of the relying party that asks could be asked at this moment, and why the others
 * could not: by the rules of creation, as for a usual challenge and an unknown initiator. Reads all
 * of them; concurrent calls of one relying party share one count.
 */
export function countReady(
  { readinessCounts, tenants, sharedReads }: Dependencies,
  { tenantId, rpId, namespaces }: Principal,
): Promise<ReadinessCounts> {
  return sharedReads(`readiness ${tenantId} ${rpId}`, async () => {
    const policy = await tenants.findPolicy(tenantId, rpId)
    const kinds = askableKinds(await readinessCounts.listKinds(tenantId), policy)
    const { pushSignInPercent } = policy
    const groups = await readinessCounts.groupUsers(tenantId, namespaces, pushSignInPercent, kinds)
    return countReadiness(groups, policy)
  })
}
