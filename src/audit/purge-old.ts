import type { TenantId } from '../domain/ids.ts'
import {
  leftoverKinds,
  retainedKinds,
  retainedSince,
  type ScannedKind,
  scannedKinds,
} from '../domain/retention.ts'
import type { RetentionStore, ScanCursor } from './retention.store.ts'
import { buildExemptions, type Dependencies as ExemptionDependencies } from './sign-exemptions.ts'

export type Dependencies = ExemptionDependencies & { readonly retention: RetentionStore }

// Only activities are part of the audit record.
const noExemption = async () => ({})

/**
 * One step of purging rows past their retention, for a caller that repeats it: true while there may
 * be more. A step is bounded by `batch` rows of each kind; any number of processes may run it
 * concurrently. One tenant's failure is thrown after all other tenants are processed.
 */
export function buildPurge(dependencies: Dependencies, batch: number): () => Promise<boolean> {
  const { retention } = dependencies
  let tenant: TenantId | null = null
  let failures: readonly unknown[] = []
  return async () => {
    const next = await retention.nextTenant(tenant)
    if (next === null) {
      const [failure] = failures
      tenant = null
      failures = []
      if (failure !== undefined) throw failure
      return false
    }
    const { tenantId, policy, now } = next
    let more = false
    for (const kind of retainedKinds) {
      try {
        const before = retainedSince(kind, policy, now)
        const exempt =
          kind === 'activities'
            ? (await buildExemptions(dependencies, tenantId)).purge
            : noExemption
        more = (await retention.purge(kind, tenantId, before, batch, exempt)) === batch || more
      } catch (error) {
        failures = [...failures.slice(0, 1), error]
      }
    }
    if (!more) tenant = tenantId
    return true
  }
}

/** The same for rows to which no tenant's policy applies. */
export function buildLeftoverPurge(
  { retention }: Pick<Dependencies, 'retention'>,
  batch: number,
): () => Promise<boolean> {
  const places = new Map<ScannedKind, ScanCursor | null>()
  return async () => {
    let more = false
    for (const kind of leftoverKinds) {
      more = (await retention.purgeLeftovers(kind, batch)) === batch || more
    }
    for (const kind of scannedKinds) {
      // A finished walk waits for the others, and restarts with them.
      if (places.get(kind) === null) continue
      const place = await retention.scan(kind, places.get(kind) ?? null, batch)
      places.set(kind, place)
      if (place !== null) more = true
    }
    if (!more) places.clear()
    return more
  }
}
