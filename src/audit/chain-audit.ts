import { auditHeadTyp, farScan, type LookBack, linksFor } from '../domain/audit-chain.ts'
import type { SigningKeys } from '../tenants/signing-keys.ts'
import type { AuditStore } from './audit.store.ts'
import { type Dependencies as CheckpointDependencies, checkpointAudit } from './audit-checkpoint.ts'
import { auditPayload } from './sign-exemptions.ts'

export type Dependencies = CheckpointDependencies & {
  readonly audit: Pick<AuditStore, 'findUnlinked' | 'lengthen' | 'findUnsigned' | 'saveHead'>
  readonly signingKeys: Pick<SigningKeys, 'sign'>
}

/**
 * A busy tenant's chain is signed this often: anything younger than its last head could still be
 * rewritten.
 */
const headEverySeconds = 60

/** Batches of one tenant before the other tenants get their slot. */
const batchesPerTenantMax = 20

/**
 * Links new rows, off every hot path; true when there may be more immediately. A chain without a
 * checkpoint gets it as soon as all rows are linked. Any number of processes may run this
 * concurrently. One tenant's failure is thrown after all other tenants are processed.
 */
export async function chainAudit(
  dependencies: Dependencies,
  limit: number,
  { findSeconds, linkSeconds }: LookBack = farScan,
): Promise<boolean> {
  const { audit, hashing } = dependencies
  const tenants = await audit.findUnlinked({ limit, lookBackSeconds: findSeconds })
  const { eachTold: eachCaught, tell: throwFirst } = deferFailures()
  let more = tenants.length === limit
  for (const { tenantId, checkpointed: hasCheckpoint } of tenants) {
    const links: Parameters<AuditStore['lengthen']>[2] = (end, rows) =>
      linksFor(hashing.sha256Base64Url, tenantId, end, rows)
    await eachCaught(async () => {
      let linkedCount = await audit.lengthen(
        tenantId,
        { limit, lookBackSeconds: linkSeconds },
        links,
      )
      // Rows before the end of a full batch were scanned just now.
      for (let n = 1; linkedCount === limit && n < batchesPerTenantMax; n++) {
        linkedCount = await audit.lengthen(tenantId, { limit, lookBackSeconds: 0 }, links)
      }
      more ||= linkedCount === limit
      if (hasCheckpoint || linkedCount === null || linkedCount === limit) return
      await checkpointAudit(dependencies, tenantId)
      // The checkpoint is a row of the record, too.
      more = true
    })
  }
  throwFirst()
  return more
}

/** Runs work and throws the first failure after all of it has run. */
function deferFailures() {
  const failures: unknown[] = []
  return {
    eachTold: (work: () => Promise<unknown>) =>
      work().catch((error: unknown) => {
        failures.push(error)
      }),
    tell() {
      if (failures.length > 0) throw failures[0]
    },
  }
}

/**
 * Signs the ends of chains that have grown, stores the heads, and writes each to the log, which is
 * beyond the database's reach. One tenant's failure is thrown after all other tenants are
 * processed.
 */
export async function signAuditHeads(
  dependencies: Pick<
    Dependencies,
    'audit' | 'signingKeys' | 'securityLog' | 'clock' | 'publicOrigin'
  >,
  batch: number,
  ageSeconds = headEverySeconds,
): Promise<boolean> {
  const { audit, signingKeys, securityLog } = dependencies
  const ends = await audit.findUnsigned(ageSeconds, batch)
  const { eachTold, tell } = deferFailures()
  async function sign(end: (typeof ends)[number]) {
    const { tenantId, seq, hash, through, checkpointSeq } = end
    const payload = auditPayload(dependencies, tenantId, {
      ...{ seq, hash, through: through.toISOString() },
      ...(checkpointSeq !== null && { checkpoint: checkpointSeq }),
    })
    const jws = await signingKeys.sign(tenantId, auditHeadTyp, payload)
    if ((await audit.saveHead(tenantId, { seq, jws })) === 'done') {
      securityLog.write({ event: 'audit_head', tenantId, seq, head: jws })
    }
  }
  for (const end of ends) await eachTold(() => sign(end))
  tell()
  return ends.length === batch
}
