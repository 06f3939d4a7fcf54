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

/** Links what is new, off every hot path; true when there may be more at once. Any number of processes may do it at a time. */
export async function chainAudit(
  { audit, hashing }: Pick<Needs, 'audit' | 'hashing'>,
  limit: number,
  { findSeconds, linkSeconds }: LookBack = farLook,
): Promise<boolean> {
  const look = { limit, lookBackSeconds: linkSeconds }
  const tenants = await audit.findUnlinked({ limit, lookBackSeconds: findSeconds })
  let more = tenants.length === limit
  for (const tenantId of tenants) {
    const linked = await audit.lengthen(tenantId, look, (end, rows) =>
      linksFor(hashing.sha256Base64Url, tenantId, end, rows),
    )
    more ||= linked === limit
  }
  return more
}

/** Signs the ends of chains that have grown, keeps the heads, and writes each to the log, which is beyond the database's reach. */
export async function signAuditHeads(
  { audit, signingKeys, securityLog, clock, publicOrigin }: Needs,
  batch: number,
  ageSeconds = headEverySeconds,
): Promise<boolean> {
  const ends = await audit.findUnsigned(ageSeconds, batch)
  for (const { tenantId, seq, hash, through } of ends) {
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
  return ends.length === batch
}
