import { readAuditHead } from '../domain/audit-chain.ts'
import {
  auditCheckpointTyp,
  type Checkpoint,
  type ExemptingEvent,
  foldLink,
  foldName,
  readCheckpoint,
} from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import type { AuditStore, ExemptingRow } from '../ports/audit-store.ts'
import type { SecurityLog } from '../ports/security-log.ts'
import type { Signatures } from '../ports/world.ts'
import { auditPayload, type Needs as SigningNeeds } from './sign-exemptions.ts'

type Store =
  | 'readEnd'
  | 'readGone'
  | 'readExempting'
  | 'readCheckpoints'
  | 'findLastHead'
  | 'saveCheckpoint'
  | 'markCheckpoint'

export type Needs = SigningNeeds & {
  readonly audit: Pick<AuditStore, Store>
  readonly signatures: Pick<Signatures, 'read'>
  readonly securityLog: SecurityLog
}

const page = 5_000
export const auditJwsBytesMax = 4096

/**
 * Signs where a tenant's record stands, once and for all: what went until then may be excused by events without a signature, what
 * goes later may not. Never again where one was made: whoever could have it made anew could have anything excused. To be called
 * when the chain holds all that there is. Only one of several at a time does it; it also goes to the log.
 */
export async function checkpointAudit(needs: Needs, tenantId: TenantId): Promise<void> {
  const { audit, securityLog } = needs
  const [known] = await audit.readCheckpoints(tenantId)
  if (known !== undefined) {
    const seq =
      known && readCheckpoint(needs.signatures.read(known, auditJwsBytesMax)?.payload)?.seq
    await audit.markCheckpoint(tenantId, seq || 0)
    return
  }
  await assertNeverMade(needs, tenantId)
  const { seq, hash } = await audit.readEnd(tenantId)
  const checkpoint = { seq, hash, ...(await gone(needs, tenantId, seq)) }
  const sign = await needs.signingKeys.signer(tenantId, auditCheckpointTyp)
  const jws = await sign(auditPayload(needs, tenantId, checkpoint satisfies Checkpoint))
  if (await audit.saveCheckpoint(tenantId, { seq, jws })) {
    securityLog.write({ event: 'audit_checkpoint', tenantId, seq, checkpoint: jws })
  }
}

async function assertNeverMade({ audit, signatures }: Needs, tenantId: TenantId): Promise<void> {
  const head = await audit.findLastHead(tenantId)
  const read = head && readAuditHead(signatures.read(head.jws, auditJwsBytesMax)?.payload)
  if (read?.checkpoint === undefined) return
  throw new Error(
    `The audit record of ${tenantId} had a checkpoint (seq ${read.checkpoint}) and has it no more: somebody deleted it. ` +
      'No other is made. Run: countersign audit verify',
  )
}

async function gone(needs: Needs, tenantId: TenantId, seq: number) {
  const { audit, hashing } = needs
  let purged = 0
  let purgedDigest = ''
  for (let after = 0; after < seq; after += page) {
    const links = await audit.readGone(tenantId, after, Math.min(seq, after + page))
    purged += links.length
    purgedDigest = links.reduce(
      (d, link) => foldLink(hashing.sha256Base64Url, d, link),
      purgedDigest,
    )
  }
  const erasures = (await readAllExempting(needs, tenantId, 'user_erased')).filter(
    (event) => event.seq <= seq && isUnsigned(event),
  )
  return { purged, purgedDigest, ...erasedBy(hashing.sha256Base64Url, erasures) }
}

/** Whom these events say to be erased, in the order of the chain. */
export function erasedBy(digest: (text: string) => string, events: readonly ExemptingEvent[]) {
  const subjects = events.toSorted((a, b) => a.seq - b.seq).map(({ subject }) => subject)
  const erasedDigest = subjects.reduce((d, subject) => foldName(digest, d, subject), '')
  return { erased: subjects.length, erasedDigest }
}

/** An event of a release that did not sign what it excused. */
export const isUnsigned = ({ details }: Pick<ExemptingRow, 'details'>) =>
  details.exemption === undefined

/** All events of a type that stand in the chain. */
export async function readAllExempting(
  { audit }: { readonly audit: Pick<AuditStore, 'readExempting'> },
  tenantId: TenantId,
  type: 'activities_purged' | 'user_erased',
): Promise<ExemptingRow[]> {
  const found: ExemptingRow[] = []
  for (;;) {
    const rows = await audit.readExempting(tenantId, type, found.at(-1)?.id ?? '', 1_000)
    found.push(...rows)
    if (rows.length < 1_000) return found
  }
}
