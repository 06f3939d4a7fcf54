import {
  type AuditFault,
  type ChainEnd,
  checkLink,
  emptyChain,
  isErased,
} from '../domain/audit-chain.ts'
import type { Checkpoint, ExemptionFault } from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import type { AuditStore } from './audit.store.ts'
import { type Dependencies as CheckpointDependencies, findCheckpoint } from './find-checkpoint.ts'
import {
  buildExemptionCheck,
  type Dependencies as ExemptionDependencies,
} from './read-exemptions.ts'
import {
  buildHeadReader,
  type Head,
  type Dependencies as KeyDependencies,
  noStoredHeads,
  type StoredHeads,
} from './stored-heads.ts'
import { buildTrustedKeys, type StoredKeys, type TrustedKeys } from './trusted-keys.ts'

export type Dependencies = KeyDependencies &
  ExemptionDependencies &
  CheckpointDependencies & {
    readonly audit: Pick<AuditStore, 'readLinks' | 'readHeads' | 'readEnd' | 'findOverdueRow'>
  }

/** The result of verifying a tenant's audit record. */
export type AuditVerdict = {
  readonly tenantId: TenantId
  readonly links: number
  readonly heads: number
  /**
   * Those of `heads` that were stored elsewhere; without any, a chain rebuilt from nothing is not
   * detected.
   */
  readonly keptHeads: number
  /**
   * Heads stored elsewhere that claim to be this tenant's and are signed by no key of ours; they
   * change nothing else.
   */
  readonly foreignHeads: StoredHeads['foreign']
  /**
   * An erasure or a purge of the last minute is not linked yet: what it removed counts as missing
   * until it is.
   */
  readonly unsettled: boolean
  /** Rows whose details were erased, and rows that were purged, according to the record itself. */
  readonly erased: number
  readonly purged: number
  /** The first place where the record is not as it was written; null when it is intact. */
  readonly firstBad: {
    readonly seq: number
    readonly fault: AuditFault | ExemptionFault
    readonly rowId: string | null
  } | null
}

const page = 1_000

type Heads = ReadonlyMap<number, readonly Head[]>
type Bad = AuditVerdict['firstBad']

const atStart = (fault: AuditFault): Bad => ({ seq: 0, fault, rowId: null })

/**
 * Follows a tenant's chain from its first link and checks it against the rows, the signed heads of
 * the table, and the heads and the checkpoint that were stored elsewhere. Links after the last head
 * are chained and not yet signed. A head of the table that is not ours is a fault, but the least:
 * it hides no other. With `keys` only those are trusted.
 */
export async function verifyAudit(
  dependencies: Dependencies,
  tenantId: TenantId,
  storedElsewhere: StoredHeads = noStoredHeads,
  keys: StoredKeys | null = null,
): Promise<AuditVerdict> {
  const trustedKey = buildTrustedKeys(dependencies, keys)
  const reader = buildHeadReader(dependencies, trustedKey)
  const tableHeads = await dependencies.audit.readHeads(tenantId)
  const end = await dependencies.audit.readEnd(tenantId)
  const heads = new Map<number, Head[]>()
  const add = (head: Head) => heads.set(head.seq, [...(heads.get(head.seq) ?? []), head])
  for (const head of storedElsewhere.heads) add(head)
  let forgedHead: Bad = null
  for (const { jws } of tableHeads) {
    const head = await reader.readHead(tenantId, jws)
    if (head && 'hash' in head) add(head)
    else forgedHead = atStart('head_not_ours')
  }
  const keptHeads = storedElsewhere.heads.length
  const counts = { heads: tableHeads.length + keptHeads, keptHeads, links: 0, erased: 0, purged: 0 }
  const checkpoint = await findCheckpoint(dependencies, tenantId, reader, storedElsewhere)
  const firstFault = await firstBad(
    dependencies,
    { tenantId, trustedKey, checkpoint, heads, end },
    counts,
  )
  const { unsettled } = end
  return {
    tenantId,
    ...counts,
    unsettled,
    foreignHeads: storedElsewhere.foreign,
    firstBad: firstFault ?? forgedHead,
  }
}

type Counts = { links: number; erased: number; purged: number }
type AuditRecord<C> = {
  readonly tenantId: TenantId
  readonly trustedKey: TrustedKeys
  readonly checkpoint: C
  readonly heads: Heads
  readonly end: Awaited<ReturnType<AuditStore['readEnd']>>
}

async function firstBad(
  dependencies: Dependencies,
  record: AuditRecord<Awaited<ReturnType<typeof findCheckpoint>>>,
  counts: Counts,
): Promise<Bad> {
  const { checkpoint, end, heads } = record
  if (end.missing) return atStart('chain_missing')
  if (typeof checkpoint !== 'string') return follow(dependencies, { ...record, checkpoint }, counts)
  // A new tenant: no worker has processed it yet.
  const isNew = checkpoint === 'checkpoint_missing' && end.seq === 0 && heads.size === 0
  return isNew ? null : atStart(checkpoint)
}

/** The first bad place, or null; counts what it passes. */
async function follow(
  dependencies: Dependencies,
  { tenantId, trustedKey, checkpoint, heads, end }: AuditRecord<Checkpoint>,
  counts: Counts,
): Promise<Bad> {
  const { audit, hashing } = dependencies
  const exemptions = await buildExemptionCheck(dependencies, tenantId, trustedKey, checkpoint)
  if (!exemptions.checkpointHolds(emptyChain)) return atStart('checkpoint_differs')
  let before: ChainEnd = emptyChain
  let closedThroughMicros = -(10n ** 20n)
  for (;;) {
    const readings = await audit.readLinks(tenantId, before.seq, page)
    for (const reading of readings) {
      const { link } = reading
      const { rowId } = link
      const { isPurged, isErased: isErasedRow, fault: excuse } = await exemptions.check(reading)
      const row = reading.row && { ...reading.row, isErased: isErasedRow }
      const facts = { tenantId, before, row, isPurged, closedThroughMicros }
      const fault = checkLink(hashing.sha256Base64Url, link, facts) ?? excuse
      // A gap is reported where a row is missing, not at the next link.
      if (fault) return { seq: before.seq + 1, fault, rowId }
      count(counts, row)
      const closedMicros = checkHeads(heads.get(link.seq) ?? [], link, checkpoint.seq)
      if (typeof closedMicros === 'string') return { seq: link.seq, fault: closedMicros, rowId }
      if (closedMicros > closedThroughMicros) closedThroughMicros = closedMicros
      if (!exemptions.checkpointHolds(link)) {
        return { seq: link.seq, fault: 'checkpoint_differs', rowId }
      }
      before = link
    }
    if (readings.length < page) break
  }
  const seq = before.seq + 1
  let knownSeq = Math.max(end.seq, checkpoint.seq)
  for (const head of heads.keys()) knownSeq = Math.max(knownSeq, head)
  if (knownSeq > before.seq) return { seq, fault: 'chain_truncated', rowId: null }
  const rowId = await audit.findOverdueRow(tenantId)
  return rowId === null ? null : { seq, fault: 'row_not_linked', rowId }
}

function count(counts: Counts, row: Parameters<typeof isErased>[0] | null): void {
  counts.links += 1
  if (row === null) counts.purged += 1
  else if (isErased(row)) counts.erased += 1
}

/** Until when these heads say that everything was linked, or how they differ from the chain. */
function checkHeads(
  heads: readonly Head[],
  { hash }: ChainEnd,
  checkpoint: number,
): bigint | 'head_differs' | 'checkpoint_differs' {
  let closedThroughMicros = -(10n ** 20n)
  for (const head of heads) {
    if (head.hash !== hash) return 'head_differs'
    if (head.checkpoint !== undefined && head.checkpoint !== checkpoint) return 'checkpoint_differs'
    if (head.closedThroughMicros > closedThroughMicros) {
      closedThroughMicros = head.closedThroughMicros
    }
  }
  return closedThroughMicros
}
