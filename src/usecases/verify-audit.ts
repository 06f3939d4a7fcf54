import {
  type AuditFault,
  type ChainEnd,
  checkLink,
  emptyChain,
  isErased,
} from '../domain/audit-chain.ts'
import type { Checkpoint, ExemptionFault } from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import type { AuditStore } from '../ports/audit-store.ts'
import { type BelievedKeys, believedKeys, type KeptKeys } from './believed-keys.ts'
import { type Needs as CheckpointNeeds, findCheckpoint } from './find-checkpoint.ts'
import {
  createHeadReader,
  type Head,
  type KeptHeads,
  type Needs as KeyNeeds,
  noKeptHeads,
} from './kept-heads.ts'
import { type Needs as ExemptionNeeds, openExemptions } from './read-exemptions.ts'

export type Needs = KeyNeeds &
  ExemptionNeeds &
  CheckpointNeeds & {
    readonly audit: Pick<AuditStore, 'readLinks' | 'readHeads' | 'readEnd' | 'findForgotten'>
  }

/** How a tenant's audit record stands. */
export type AuditVerdict = {
  readonly tenantId: TenantId
  readonly links: number
  readonly heads: number
  /** Those of `heads` that were kept elsewhere; with none, a chain rebuilt from nothing is not noticed. */
  readonly keptHeads: number
  /** Kept ones that say they are this tenant's and are signed by no key of ours; they change nothing else. */
  readonly foreignHeads: KeptHeads['foreign']
  /** An erasure or a purge of the last minute is not linked yet: what it took away counts as missing until it is. */
  readonly unsettled: boolean
  /** Rows whose details were erased, and rows that were purged, as the record itself says. */
  readonly erased: number
  readonly purged: number
  /** The first place where the record is not what was written; null when it is whole. */
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
 * Follows a tenant's chain from its first link and holds it against the rows, the signed heads of the table, and the heads and the
 * checkpoint that were kept elsewhere. What is younger than the last head is chained and not yet signed. A head of the table that
 * is not ours is a fault, but the least: it hides no other. With `keys` those are believed and no others.
 */
export async function verifyAudit(
  needs: Needs,
  tenantId: TenantId,
  kept: KeptHeads = noKeptHeads,
  keys: KeptKeys | null = null,
): Promise<AuditVerdict> {
  const believes = believedKeys(needs, keys)
  const reader = createHeadReader(needs, believes)
  const stored = await needs.audit.readHeads(tenantId)
  const end = await needs.audit.readEnd(tenantId)
  const heads = new Map<number, Head[]>()
  const add = (head: Head) => heads.set(head.seq, [...(heads.get(head.seq) ?? []), head])
  for (const head of kept.heads) add(head)
  let forged: Bad = null
  for (const { jws } of stored) {
    const head = await reader.readHead(tenantId, jws)
    if (head && 'hash' in head) add(head)
    else forged = atStart('head_not_ours')
  }
  const keptHeads = kept.heads.length
  const counts = { heads: stored.length + keptHeads, keptHeads, links: 0, erased: 0, purged: 0 }
  const checkpoint = await findCheckpoint(needs, tenantId, reader, kept)
  const found = await firstBad(needs, { tenantId, believes, checkpoint, heads, end }, counts)
  const { unsettled } = end
  return { tenantId, ...counts, unsettled, foreignHeads: kept.foreign, firstBad: found ?? forged }
}

type Counts = { links: number; erased: number; purged: number }
type Reading<C> = {
  readonly tenantId: TenantId
  readonly believes: BelievedKeys
  readonly checkpoint: C
  readonly heads: Heads
  readonly end: Awaited<ReturnType<AuditStore['readEnd']>>
}

async function firstBad(
  needs: Needs,
  record: Reading<Awaited<ReturnType<typeof findCheckpoint>>>,
  counts: Counts,
): Promise<Bad> {
  const { checkpoint, end, heads } = record
  if (end.missing) return atStart('chain_missing')
  if (typeof checkpoint !== 'string') return follow(needs, { ...record, checkpoint }, counts)
  // A tenant that is new: no worker has seen it yet.
  const isNew = checkpoint === 'checkpoint_missing' && end.seq === 0 && heads.size === 0
  return isNew ? null : atStart(checkpoint)
}

/** The first bad place, or null; counts what it passes. */
async function follow(
  needs: Needs,
  { tenantId, believes, checkpoint, heads, end }: Reading<Checkpoint>,
  counts: Counts,
): Promise<Bad> {
  const { audit, hashing } = needs
  const exemptions = await openExemptions(needs, tenantId, believes, checkpoint)
  if (!exemptions.checkpointHolds(emptyChain)) return atStart('checkpoint_differs')
  let before: ChainEnd = emptyChain
  let closedThroughMicros = -(10n ** 20n)
  for (;;) {
    const readings = await audit.readLinks(tenantId, before.seq, page)
    for (const reading of readings) {
      const { link } = reading
      const { rowId } = link
      const { purged, erased, fault: excuse } = await exemptions.judge(reading)
      const row = reading.row && { ...reading.row, erased }
      const facts = { tenantId, before, row, purged, closedThroughMicros }
      const fault = checkLink(hashing.sha256Base64Url, link, facts) ?? excuse
      // A gap is bad where something is missing, not where the next link stands.
      if (fault) return { seq: before.seq + 1, fault, rowId }
      count(counts, row)
      const held = holdAgainst(heads.get(link.seq) ?? [], link, checkpoint.seq)
      if (typeof held === 'string') return { seq: link.seq, fault: held, rowId }
      if (held > closedThroughMicros) closedThroughMicros = held
      if (!exemptions.checkpointHolds(link)) {
        return { seq: link.seq, fault: 'checkpoint_differs', rowId }
      }
      before = link
    }
    if (readings.length < page) break
  }
  const seq = before.seq + 1
  let known = Math.max(end.seq, checkpoint.seq)
  for (const head of heads.keys()) known = Math.max(known, head)
  if (known > before.seq) return { seq, fault: 'chain_truncated', rowId: null }
  const rowId = await audit.findForgotten(tenantId)
  return rowId === null ? null : { seq, fault: 'row_not_linked', rowId }
}

function count(counts: Counts, row: Parameters<typeof isErased>[0] | null): void {
  counts.links += 1
  if (row === null) counts.purged += 1
  else if (isErased(row)) counts.erased += 1
}

/** Until when these heads say that everything was linked, or what they say otherwise than the chain does. */
function holdAgainst(
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
