import { auditHeadTyp, farLook, type LookBack, linksFor } from '../domain/audit-chain.ts'
import { issuerOf } from '../domain/issuer.ts'
import type { AuditStore } from '../ports/audit-store.ts'
import type { SecurityLog } from '../ports/security-log.ts'
import type { Clock, Hashing } from '../ports/world.ts'
import type { SigningKeys } from './signing-keys.ts'

export type Needs = {
  readonly audit: Pick<AuditStore, 'findUnlinked' | 'lengthen' | 'findUnsigned' | 'saveHead'>
  readonly hashing: Pick<Hashing, 'sha256Base64Url'>
  readonly signingKeys: Pick<SigningKeys, 'sign'>
  readonly securityLog: SecurityLog
  readonly clock: Clock
  readonly publicOrigin: string
}

/** A busy tenant's chain is signed this often: what is younger than its last head could still be rewritten. */
const headEverySeconds = 60

/** Batches of one tenant before the others have their turn. */
const batchesInTurn = 20

/**
 * Links what is new, off every hot path; true when there may be more at once. Any number of processes may do it at a time. One
 * tenant's failure is told when the others have had their turn.
 */
export async function chainAudit(
  { audit, hashing }: Pick<Needs, 'audit' | 'hashing'>,
  limit: number,
  { findSeconds, linkSeconds }: LookBack = farLook,
): Promise<boolean> {
  const tenants = await audit.findUnlinked({ limit, lookBackSeconds: findSeconds })
  const { eachTold, tell } = tellingLast()
  let more = tenants.length === limit
  for (const tenantId of tenants) {
    const links: Parameters<AuditStore['lengthen']>[2] = (end, rows) =>
      linksFor(hashing.sha256Base64Url, tenantId, end, rows)
    await eachTold(async () => {
      let linked = await audit.lengthen(tenantId, { limit, lookBackSeconds: linkSeconds }, links)
      // What lies before the end of a full batch was looked at just now.
      for (let n = 1; linked === limit && n < batchesInTurn; n++) {
        linked = await audit.lengthen(tenantId, { limit, lookBackSeconds: 0 }, links)
      }
      more ||= linked === limit
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
  { audit, signingKeys, securityLog, clock, publicOrigin }: Needs,
  batch: number,
  ageSeconds = headEverySeconds,
): Promise<boolean> {
  const ends = await audit.findUnsigned(ageSeconds, batch)
  const { eachTold, tell } = tellingLast()
  async function sign({ tenantId, seq, hash, through }: (typeof ends)[number]) {
    const payload = JSON.stringify({
      iss: issuerOf(publicOrigin, tenantId),
      tid: tenantId,
      iat: Math.floor(clock.now().getTime() / 1000),
      seq,
      hash,
      through: through.toISOString(),
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
