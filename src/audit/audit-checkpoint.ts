import { readAuditHead } from '../domain/audit-chain.ts'
import {
  auditCheckpointTyp,
  type Checkpoint,
  type ExemptingEvent,
  type ExemptionType,
  foldLink,
  foldName,
  readCheckpoint,
} from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import type { SecurityLog } from '../platform/logs/security-log.store.ts'
import type { Signatures } from '../platform/world.ts'
import type { AuditStore, ExemptingRow } from './audit.store.ts'
import { auditPayload, type Dependencies as SigningDependencies } from './sign-exemptions.ts'

type Store =
  | 'readEnd'
  | 'readPurgedLinks'
  | 'readExempting'
  | 'readCheckpoints'
  | 'findLastHead'
  | 'saveCheckpoint'
  | 'markCheckpoint'

export type Dependencies = SigningDependencies & {
  readonly audit: Pick<AuditStore, Store>
  readonly signatures: Pick<Signatures, 'read'>
  readonly securityLog: SecurityLog
}

const page = 5_000
export const auditJwsBytesMax = 4096

/**
 * Signs the end of a tenant's record, once only: what was removed up to it may be excused by events
 * without a signature, what is removed later may not. Never again where one was signed: anyone who
 * could have a new one signed could have any removal excused. To be called when all rows are linked
 * into the chain. Only one of several concurrent callers does it; it is also written to the log.
 */
export async function checkpointAudit(
  dependencies: Dependencies,
  tenantId: TenantId,
): Promise<void> {
  const { audit, securityLog } = dependencies
  const [checkpointJws] = await audit.readCheckpoints(tenantId)
  if (checkpointJws !== undefined) {
    const seq =
      checkpointJws &&
      readCheckpoint(dependencies.signatures.read(checkpointJws, auditJwsBytesMax)?.payload)?.seq
    await audit.markCheckpoint(tenantId, seq || 0)
    return
  }
  await assertNeverMade(dependencies, tenantId)
  const { seq, hash } = await audit.readEnd(tenantId)
  const checkpoint = { seq, hash, ...(await digestRemovedLinks(dependencies, tenantId, seq)) }
  const sign = await dependencies.signingKeys.signer(tenantId, auditCheckpointTyp)
  const jws = await sign(auditPayload(dependencies, tenantId, checkpoint satisfies Checkpoint))
  if ((await audit.saveCheckpoint(tenantId, { seq, jws })) === 'done') {
    securityLog.write({ event: 'audit_checkpoint', tenantId, seq, checkpoint: jws })
  }
}

async function assertNeverMade(
  { audit, signatures }: Dependencies,
  tenantId: TenantId,
): Promise<void> {
  const head = await audit.findLastHead(tenantId)
  const lastHead = head && readAuditHead(signatures.read(head.jws, auditJwsBytesMax)?.payload)
  if (lastHead?.checkpoint === undefined) return
  throw new Error(
    `The audit record of ${tenantId} had a checkpoint (seq ${lastHead.checkpoint}) that is ` +
      'missing now: it was deleted. ' +
      'No other is signed. Run: countersign audit verify',
  )
}

async function digestRemovedLinks(dependencies: Dependencies, tenantId: TenantId, seq: number) {
  const { audit, hashing } = dependencies
  let purgedCount = 0
  let purgedDigest = ''
  for (let after = 0; after < seq; after += page) {
    const links = await audit.readPurgedLinks(tenantId, after, Math.min(seq, after + page))
    purgedCount += links.length
    purgedDigest = links.reduce(
      (d, link) => foldLink(hashing.sha256Base64Url, d, link),
      purgedDigest,
    )
  }
  const erasures = (await readAllExempting(dependencies, tenantId, 'user_erased')).filter(
    (event) => event.seq <= seq && isUnsigned(event),
  )
  return { purged: purgedCount, purgedDigest, ...erasedBy(hashing.sha256Base64Url, erasures) }
}

/** The users whom these events name as erased, in the order of the chain. */
export function erasedBy(digest: (text: string) => string, events: readonly ExemptingEvent[]) {
  const subjects = events.toSorted((a, b) => a.seq - b.seq).map(({ subject }) => subject)
  const erasedDigest = subjects.reduce((d, subject) => foldName(digest, d, subject), '')
  return { erased: subjects.length, erasedDigest }
}

/** An event written by a release that did not sign what it excused. */
export const isUnsigned = ({ details }: Pick<ExemptingRow, 'details'>) =>
  details.exemption === undefined

/** All events of a type that the chain lists. */
export async function readAllExempting(
  { audit }: { readonly audit: Pick<AuditStore, 'readExempting'> },
  tenantId: TenantId,
  type: ExemptionType,
): Promise<ExemptingRow[]> {
  const events: ExemptingRow[] = []
  for (;;) {
    const rows = await audit.readExempting(tenantId, type, events.at(-1)?.id ?? '', 1_000)
    events.push(...rows)
    if (rows.length < 1_000) return events
  }
}
