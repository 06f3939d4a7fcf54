import type { TenantId } from '../domain/ids.ts'
import { retainedKinds, retainedSince } from '../domain/retention.ts'
import type {
  LeftoverKind,
  RetentionStore,
  WalkedKind,
  WalkPlace,
} from '../ports/retention-store.ts'
import { type Needs as ExemptionNeeds, exempting } from './sign-exemptions.ts'

export type Needs = ExemptionNeeds & { readonly retention: RetentionStore }

const leftovers: readonly LeftoverKind[] = [
  'portalSessions',
  'testPushes',
  'webhooks',
  'webhookEndpoints',
]
const walked: readonly WalkedKind[] = ['initiators', 'passcodeBudgets', 'singleUseCodes']

// Only activities are part of the audit record.
const unsaid = async () => ({})

/**
 * One step of taking away what is past its time, for whoever repeats it: true while there may be more. A step is bounded by `batch`
 * rows of each kind; any number of processes may be at it at a time. What fails of one tenant is told when all had their turn.
 */
export function createPurge(needs: Needs, batch: number): () => Promise<boolean> {
  const { retention } = needs
  let tenant: TenantId | null = null
  let failed: readonly unknown[] = []
  return async () => {
    const next = await retention.nextTenant(tenant)
    if (next === null) {
      const [failure] = failed
      tenant = null
      failed = []
      if (failure !== undefined) throw failure
      return false
    }
    const { tenantId, policy, now } = next
    let more = false
    for (const kind of retainedKinds) {
      try {
        const before = retainedSince(kind, policy, now)
        const exempt = kind === 'activities' ? (await exempting(needs, tenantId)).purge : unsaid
        more = (await retention.purge(kind, tenantId, before, batch, exempt)) === batch || more
      } catch (error) {
        failed = [...failed.slice(0, 1), error]
      }
    }
    if (!more) tenant = tenantId
    return true
  }
}

/** The same for what belongs to no tenant's policy. */
export function createLeftoverPurge(
  { retention }: Pick<Needs, 'retention'>,
  batch: number,
): () => Promise<boolean> {
  const places = new Map<WalkedKind, WalkPlace | null>()
  return async () => {
    let more = false
    for (const kind of leftovers) {
      more = (await retention.purgeLeftovers(kind, batch)) === batch || more
    }
    for (const kind of walked) {
      // A walk that has ended waits for the others, and begins anew with them.
      if (places.get(kind) === null) continue
      const place = await retention.walk(kind, places.get(kind) ?? null, batch)
      places.set(kind, place)
      if (place !== null) more = true
    }
    if (!more) places.clear()
    return more
  }
}
