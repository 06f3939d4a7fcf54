// A tenant's audit record as a hash chain: each link holds the digest of one row and the hash of
// the link before, so that nothing in it can be edited, removed, inserted or moved without every
// later hash changing.

import type { ActivityType } from './activity.ts'
import { readClaims } from './claims.ts'
import type { TenantId } from './ids.ts'

/**
 * Activities that are not chained: they follow from a chained entry, happen with every sign-in, and
 * decide nothing. All other activities are chained.
 */
export const unchainedActivities: readonly ActivityType[] = [
  'challenge_created',
  'challenge_resent',
  'challenge_expired',
  'challenge_cancelled',
]

/**
 * A row as it is digested: the part that is kept permanently, and the part that may be erased, with
 * its salt.
 */
export type AuditRow = {
  readonly id: string
  /** Microseconds since 1970, in decimal. */
  readonly occurredAtMicros: string
  readonly core: string
  readonly details: string
  /** Null once the details were erased. */
  readonly salt: string | null
}

export type AuditLink = {
  readonly seq: number
  readonly rowId: string
  readonly occurredAtMicros: string
  readonly coreDigest: string
  readonly detailsDigest: string
  readonly hash: string
}

/** The end of a chain: the number of its links and the hash of the last. */
export type ChainEnd = { readonly seq: number; readonly hash: string }

export const emptyChain: ChainEnd = { seq: 0, hash: '' }

/** base64url SHA-256. */
type Digest = (text: string) => string

const detailsText = (salt: string, details: string) => `${salt}.${details}`

function hashOf(
  digest: Digest,
  tenantId: TenantId,
  { seq, rowId, occurredAtMicros, coreDigest, detailsDigest }: Omit<AuditLink, 'hash'>,
  before: string,
): string {
  const parts = [tenantId, seq, rowId, occurredAtMicros, coreDigest, detailsDigest, before]
  return digest(JSON.stringify(['audit-link/1', ...parts]))
}

/** The links by which these rows lengthen a chain, in their order. */
export function linksFor(
  digest: Digest,
  tenantId: TenantId,
  end: ChainEnd,
  rows: readonly AuditRow[],
): AuditLink[] {
  let last = end
  return rows.map(({ id, occurredAtMicros, core, details, salt }) => {
    const link = {
      seq: last.seq + 1,
      rowId: id,
      occurredAtMicros,
      coreDigest: digest(core),
      detailsDigest: digest(detailsText(salt ?? '', details)),
    }
    const hashedLink = { ...link, hash: hashOf(digest, tenantId, link, last.hash) }
    last = hashedLink
    return hashedLink
  })
}

/** What can be wrong with a link or with its row. */
export type AuditFault =
  | 'sequence_broken'
  | 'hash_wrong'
  | 'row_missing'
  | 'row_edited'
  | 'details_edited'
  | 'backdated'
  | 'head_differs'
  | 'head_not_ours'
  | 'chain_truncated'
  | 'chain_missing'
  | 'row_not_linked'
  | 'checkpoint_missing'
  | 'checkpoint_second'
  | 'checkpoint_not_ours'
  | 'checkpoint_differs'

/** What is needed to check a link. */
export type LinkFacts = {
  readonly tenantId: TenantId
  readonly before: ChainEnd
  /**
   * The row today; null when it is gone. `erased` when it belongs to a user whose erasure is
   * recorded in the chain.
   */
  readonly row: (AuditRow & { readonly isErased: boolean }) | null
  /** Whether a recorded purge accounts for the missing row. */
  readonly isPurged: boolean
  /** A signed head before this link said that everything until then was linked; in microseconds. */
  readonly closedThroughMicros: bigint
}

/** Whether the details of a row were removed by a recorded erasure. */
export function isErased(row: NonNullable<LinkFacts['row']>): boolean {
  return row.isErased && row.salt === null && row.details === '{}'
}

/**
 * What is wrong at this link, if anything. Links are checked in their order: the first fault is
 * where the record was tampered with.
 */
export function checkLink(
  digest: Digest,
  link: AuditLink,
  { tenantId, before, row, isPurged, closedThroughMicros }: LinkFacts,
): AuditFault | undefined {
  if (link.seq !== before.seq + 1) return 'sequence_broken'
  if (link.hash !== hashOf(digest, tenantId, link, before.hash)) return 'hash_wrong'
  const at = BigInt(link.occurredAtMicros)
  if (at < closedThroughMicros) return 'backdated'
  if (row === null) return isPurged ? undefined : 'row_missing'
  if (row.occurredAtMicros !== link.occurredAtMicros || digest(row.core) !== link.coreDigest) {
    return 'row_edited'
  }
  if (isErased(row)) return undefined
  const same = digest(detailsText(row.salt ?? '', row.details)) === link.detailsDigest
  return same && row.salt !== null ? undefined : 'details_edited'
}

export const auditHeadTyp = 'audit-head+jwt'

/**
 * A row older than the last scan by more than this and still not linked was hidden or inserted: no
 * transaction takes so long.
 */
export const commitSlackSeconds = 60
/**
 * How far a scan reaches back before the end of the last one: `findSeconds` to find out whether a
 * tenant has anything to link, `linkSeconds` for the rows that are then linked.
 */
export type LookBack = { readonly findSeconds: number; readonly linkSeconds: number }
/**
 * Nearly all rows commit immediately, and a scan reads everything in its window, linked or not; the
 * far scan finds the rest.
 */
export const nearScan: LookBack = { findSeconds: 0, linkSeconds: 2 }
export const farScan: LookBack = {
  findSeconds: commitSlackSeconds,
  linkSeconds: commitSlackSeconds,
}
/**
 * How often the far scan reaches back by the whole slack, so that a transaction may take the slack
 * less two of these.
 */
export const farScanIntervalSeconds = 15

/** A chain's end as its tenant's key signed it. */
export type AuditHead = ChainEnd & {
  readonly tid: string
  readonly through: string
  /**
   * The tenant's checkpoint (domain/audit-exemption.ts), by its number; heads of before it have
   * none.
   */
  readonly checkpoint?: number
}

/** The payload of a head, or undefined for any other payload. */
export function readAuditHead(payload: unknown): AuditHead | undefined {
  const read = readClaims(
    {
      iss: 'string',
      tid: 'string',
      iat: 'integer',
      seq: 'integer',
      hash: 'string',
      through: 'string',
      checkpoint: 'integer?',
    },
    payload,
  )
  return read && !Number.isNaN(Date.parse(read.through)) ? read : undefined
}
