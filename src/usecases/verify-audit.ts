import {
  type AuditFault,
  auditHeadTyp,
  type ChainEnd,
  checkLink,
  commitSlackSeconds,
  emptyChain,
  isErased,
  readAuditHead,
} from '../domain/audit-chain.ts'
import { readHeader } from '../domain/claims.ts'
import type { TenantId } from '../domain/ids.ts'
import type { AuditStore } from '../ports/audit-store.ts'
import type { SigningKeyStore } from '../ports/directory-store.ts'
import type { Hashing, Signatures } from '../ports/world.ts'
import type { SigningKeys } from './signing-keys.ts'

export type Needs = {
  readonly audit: Pick<AuditStore, 'readLinks' | 'readHeads' | 'readEnd' | 'findForgotten'>
  readonly keys: Pick<SigningKeyStore, 'list'>
  readonly signingKeys: Pick<SigningKeys, 'signWith'>
  readonly signatures: Pick<Signatures, 'read' | 'verify' | 'thumbprint'>
  readonly hashing: Pick<Hashing, 'sha256Base64Url'>
}

/** How a tenant's audit record stands. */
export type AuditVerdict = {
  readonly tenantId: TenantId
  readonly links: number
  readonly heads: number
  /** Those of `heads` that were kept elsewhere; with none, a chain rebuilt from nothing is not noticed. */
  readonly keptHeads: number
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

const headBytesMax = 4096
const page = 1_000

type Head = ChainEnd & { readonly closedThroughMicros: bigint }

/**
 * Follows a tenant's chain from its first link and holds it against the rows, the signed heads of the table, and those that
 * were kept elsewhere (`heads`, as the log has them). What is younger than the last head is chained and not yet signed.
 */
export async function verifyAudit(
  needs: Needs,
  tenantId: TenantId,
  keptHeads: readonly string[] = [],
): Promise<AuditVerdict> {
  const stored = await needs.audit.readHeads(tenantId)
  const end = await needs.audit.readEnd(tenantId)
  const { unsettled } = end
  const counts = { heads: 0, keptHeads: 0, unsettled, links: 0, erased: 0, purged: 0 }
  const heads = new Map<number, Head[]>()
  for (const [jws, ours] of [
    ...stored.map(({ jws }) => [jws, true] as const),
    ...keptHeads.map((jws) => [jws, false] as const),
  ]) {
    const head = await readHead(needs, tenantId, jws)
    if (head === 'no_head_of_the_tenant' && !ours) continue
    if (typeof head === 'string') {
      return { tenantId, ...counts, firstBad: { seq: 0, fault: 'head_not_ours', rowId: null } }
    }
    heads.set(head.seq, [...(heads.get(head.seq) ?? []), head])
    counts.heads += 1
    if (!ours) counts.keptHeads += 1
  }
  const firstBad = await follow(needs, tenantId, heads, end, counts)
  return { tenantId, ...counts, firstBad }
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
  const known = Math.max(end.seq, ...heads.keys())
  if (known > before.seq) return { seq, fault: 'chain_truncated', rowId: null }
  const rowId = await audit.findForgotten(tenantId)
  return rowId === null ? null : { seq, fault: 'row_not_linked', rowId }
}

/**
 * A head, believed only under a key whose private half this installation can open: a public key that somebody put into the
 * table signs nothing here.
 */
async function readHead(
  needs: Needs,
  tenantId: TenantId,
  text: string,
): Promise<Head | 'not_ours' | 'no_head_of_the_tenant'> {
  const jws = needs.signatures.read(text, headBytesMax)
  const head = jws && readAuditHead(jws.payload)
  const header = jws && readHeader(auditHeadTyp, jws.header)
  if (!jws || !head || !header) return 'no_head_of_the_tenant'
  if (head.tid !== tenantId) return 'no_head_of_the_tenant'
  const key = (await needs.keys.list(tenantId)).find(({ kid }) => kid === header.kid)
  if (!key || (await needs.signatures.thumbprint(key.publicJwk)) !== key.kid) return 'not_ours'
  try {
    await needs.signingKeys.signWith(tenantId, key.kid, '{}', '{}')
  } catch {
    return 'not_ours'
  }
  if (!(await needs.signatures.verify(jws, key.publicJwk))) return 'not_ours'
  const throughMs = Date.parse(head.through) - commitSlackSeconds * 1000
  return { seq: head.seq, hash: head.hash, closedThroughMicros: BigInt(throughMs) * 1000n }
}
