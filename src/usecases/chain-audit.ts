import { auditHeadTyp, farLook, type LookBack, linksFor } from '../domain/audit-chain.ts'
import type { AuditStore } from '../ports/audit-store.ts'
import { type Needs as CheckpointNeeds, checkpointAudit } from './audit-checkpoint.ts'
import { auditPayload } from './sign-exemptions.ts'
import type { SigningKeys } from './signing-keys.ts'

export type Needs = CheckpointNeeds & {
  readonly audit: Pick<AuditStore, 'findUnlinked' | 'lengthen' | 'findUnsigned' | 'saveHead'>
  readonly signingKeys: Pick<SigningKeys, 'sign'>
}

/** A busy tenant's chain is signed this often: what is younger than its last head could still be rewritten. */
const headEverySeconds = 60

/** Batches of one tenant before the others have their turn. */
const batchesInTurn = 20

/**
 * Links what is new, off every hot path; true when there may be more at once. A chain that has no checkpoint gets it as soon as all
 * is linked. Any number of processes may do it at a time. One tenant's failure is told when the others have had their turn.
 */
export async function chainAudit(
  needs: Needs,
  limit: number,
  { findSeconds, linkSeconds }: LookBack = farLook,
): Promise<boolean> {
  const { audit, hashing } = needs
  const tenants = await audit.findUnlinked({ limit, lookBackSeconds: findSeconds })
  const { eachTold, tell } = tellingLast()
  let more = tenants.length === limit
  for (const { tenantId, checkpointed } of tenants) {
    const links: Parameters<AuditStore['lengthen']>[2] = (end, rows) =>
      linksFor(hashing.sha256Base64Url, tenantId, end, rows)
    await eachTold(async () => {
      let linked = await audit.lengthen(tenantId, { limit, lookBackSeconds: linkSeconds }, links)
      // What lies before the end of a full batch was looked at just now.
      for (let n = 1; linked === limit && n < batchesInTurn; n++) {
        linked = await audit.lengthen(tenantId, { limit, lookBackSeconds: 0 }, links)
      }
      more ||= linked === limit
      if (checkpointed || linked === null || linked === limit) return
      await checkpointAudit(needs, tenantId)
      // The checkpoint is a row of the record, too.
      more = true
    })
  }
  tell()
  return more
}

/** Carries work out, and throws the first failure when all had their turn. */
function tellingLast() {
  const failed: unknown[] = []
  return {
    eachTold: (work: () => Promise<unknown>) =>
      work().catch((error: unknown) => {
        failed.push(error)
      }),
    tell() {
      if (failed.length > 0) throw failed[0]
    },
  }
}

/**
 * Signs the ends of chains that have grown, keeps the heads, and writes each to the log, which is beyond the database's reach.
 * One tenant's failure is told when the others have had their turn.
 */
export async function signAuditHeads(
  needs: Pick<Needs, 'audit' | 'signingKeys' | 'securityLog' | 'clock' | 'publicOrigin'>,
  batch: number,
  ageSeconds = headEverySeconds,
): Promise<boolean> {
  const { audit, signingKeys, securityLog } = needs
  const ends = await audit.findUnsigned(ageSeconds, batch)
  const { eachTold, tell } = tellingLast()
  async function sign(end: (typeof ends)[number]) {
    const { tenantId, seq, hash, through, checkpointSeq } = end
    const payload = auditPayload(needs, tenantId, {
      ...{ seq, hash, through: through.toISOString() },
      ...(checkpointSeq !== null && { checkpoint: checkpointSeq }),
    })
    const jws = await signingKeys.sign(tenantId, auditHeadTyp, payload)
    if (await audit.saveHead(tenantId, { seq, jws })) {
      securityLog.write({ event: 'audit_head', tenantId, seq, head: jws })
    }
  }
  for (const end of ends) await eachTold(() => sign(end))
  tell()
  return ends.length === batch
}
