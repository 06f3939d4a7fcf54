import {
  type AuditFault,
  type ChainEnd,
  checkLink,
  emptyChain,
  isErased,
} from '../domain/audit-chain.ts'
import type { TenantId } from '../domain/ids.ts'
import type { AuditStore } from '../ports/audit-store.ts'
import type { Hashing } from '../ports/world.ts'
import {
  createHeadReader,
  type Head,
  type KeptHeads,
  type Needs as KeyNeeds,
  noKeptHeads,
} from './kept-heads.ts'

export type Needs = KeyNeeds & {
  readonly audit: Pick<AuditStore, 'readLinks' | 'readHeads' | 'readEnd' | 'findForgotten'>
  readonly hashing: Pick<Hashing, 'sha256Base64Url'>
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
    readonly fault: AuditFault
    readonly rowId: string | null
  } | null
}

const page = 1_000

/**
 * Follows a tenant's chain from its first link and holds it against the rows, the signed heads of the table, and those that
 * were kept elsewhere. What is younger than the last head is chained and not yet signed. A head of the table that is not ours
 * is a fault, but the least: it hides no other.
 */
export async function verifyAudit(
  needs: Needs,
  tenantId: TenantId,
  kept: KeptHeads = noKeptHeads,
): Promise<AuditVerdict> {
  const reader = createHeadReader(needs)
  const stored = await needs.audit.readHeads(tenantId)
  const end = await needs.audit.readEnd(tenantId)
  const heads = new Map<number, Head[]>()
  const add = (head: Head) => heads.set(head.seq, [...(heads.get(head.seq) ?? []), head])
  for (const head of kept.heads) add(head)
  let forged: AuditVerdict['firstBad'] = null
  for (const { jws } of stored) {
    const head = await reader.read(tenantId, jws)
    if (head && 'hash' in head) add(head)
    else forged = { seq: 0, fault: 'head_not_ours', rowId: null }
  }
  const keptHeads = kept.heads.length
  const counts = { heads: stored.length + keptHeads, keptHeads, links: 0, erased: 0, purged: 0 }
  const found = await follow(needs, tenantId, heads, end, counts)
  const { unsettled } = end
  return { tenantId, ...counts, unsettled, foreignHeads: kept.foreign, firstBad: found ?? forged }
}

type End = Awaited<ReturnType<AuditStore['readEnd']>>
type Counts = { links: number; erased: number; purged: number }

/** The first bad place, or null; counts what it passes. */
async function follow(
  { audit, hashing }: Pick<Needs, 'audit' | 'hashing'>,
  tenantId: TenantId,
  heads: ReadonlyMap<number, readonly Head[]>,
  end: End,
  counts: Counts,
): Promise<AuditVerdict['firstBad']> {
  if (end.missing) return { seq: 0, fault: 'chain_missing', rowId: null }
  const { purgedBeforeMicros } = end
  let before: ChainEnd = emptyChain
  let closedThroughMicros = -(10n ** 20n)
  for (;;) {
    const readings = await audit.readLinks(tenantId, before.seq, page)
    for (const { link, row } of readings) {
      const { rowId } = link
      const facts = { tenantId, before, row, purgedBeforeMicros, closedThroughMicros }
      const fault = checkLink(hashing.sha256Base64Url, link, facts)
      // A gap is bad where something is missing, not where the next link stands.
      if (fault) return { seq: before.seq + 1, fault, rowId }
      counts.links += 1
      if (row === null) counts.purged += 1
      else if (isErased(row)) counts.erased += 1
      for (const head of heads.get(link.seq) ?? []) {
        if (head.hash !== link.hash) return { seq: link.seq, fault: 'head_differs', rowId }
        if (head.closedThroughMicros > closedThroughMicros)
          closedThroughMicros = head.closedThroughMicros
      }
      before = link
    }
    if (readings.length < page) break
  }
  const seq = before.seq + 1
  let known = end.seq
  for (const head of heads.keys()) known = Math.max(known, head)
  if (known > before.seq) return { seq, fault: 'chain_truncated', rowId: null }
  const rowId = await audit.findForgotten(tenantId)
  return rowId === null ? null : { seq, fault: 'row_not_linked', rowId }
}
