// What accounts for a gap in an audit chain: the tenant's key signs what was removed, in the
// transaction that removed it.

import { type ChainEnd, commitSlackSeconds } from './audit-chain.ts'
import { readClaims } from './claims.ts'
import type { TenantId } from './ids.ts'
import { policyRules } from './policy-rules.ts'

export const auditExemptionTyp = 'audit-exemption+jwt'
export const auditCheckpointTyp = 'audit-checkpoint+jwt'

/** The events that account for removed rows. */
export const exemptionTypes = ['activities_purged', 'user_erased'] as const
export type ExemptionType = (typeof exemptionTypes)[number]
const isExemption = (type: string): type is ExemptionType =>
  (exemptionTypes as readonly string[]).includes(type)

/** A link whose row was removed. */
export type PurgedLink = { readonly seq: number; readonly hash: string }

/** base64url SHA-256. */
type Digest = (text: string) => string

/** The digest of links in their order, one after the other; starts with ''. */
export const foldLink = (digest: Digest, before: string, { seq, hash }: PurgedLink): string =>
  digest(JSON.stringify(['audit-gone/1', before, seq, hash]))
/** The digest of names in their order; starts with ''. */
export const foldName = (digest: Digest, before: string, name: string): string =>
  digest(JSON.stringify(['audit-name/1', before, name]))

/** Ascending numbers as text: `4-503,510`. */
export function rangesOf(seqs: readonly number[]): string {
  const ranges: [from: number, to: number][] = []
  for (const seq of seqs) {
    const last = ranges.at(-1)
    if (last && seq === last[1] + 1) last[1] = seq
    else ranges.push([seq, seq])
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',')
}

export type Range = readonly [from: number, to: number]

/**
 * The ranges, or undefined for malformed text and for ranges that are not ascending and separate.
 */
export function readRanges(text: unknown): readonly Range[] | undefined {
  if (typeof text !== 'string') return undefined
  if (text === '') return []
  const ranges = text.split(',').map((word): Range | undefined => {
    const [, from, to = from] = /^([1-9]\d{0,14})(?:-([1-9]\d{0,14}))?$/.exec(word) ?? []
    return from === undefined ? undefined : [Number(from), Number(to)]
  })
  let last = 0
  for (const range of ranges) {
    if (!range || range[0] <= last || range[1] < range[0]) return undefined
    last = range[1]
  }
  return ranges as readonly Range[]
}

/**
 * The signed content of an exemption. Of a purge: the links of the removed rows, all of them from
 * `from` and before `before`. Of an erasure: the rows about the user from before `before`, by their
 * ids. Times in microseconds since 1970, in decimal.
 */
export type Exemption = {
  readonly kind: ExemptionType
  /** The audit event that it belongs to; it is not valid for another. */
  readonly event: string
  /** The tenant of a purge, the user of an erasure. */
  readonly subject: string
  readonly from: string
  readonly before: string
  readonly count: number
  readonly digest: string
}

export type ExemptionClaims = Exemption & { readonly iss: string; readonly tid: string }

/** The payload of an exemption, or undefined for any other payload. */
export function readExemption(payload: unknown): ExemptionClaims | undefined {
  const text = 'string'
  const read = readClaims(
    {
      ...{ iss: text, tid: text, iat: 'integer', kind: text, event: text, subject: text },
      ...{ from: text, before: text, count: 'integer', digest: text },
    },
    payload,
  )
  if (!read || !isExemption(read.kind) || read.count < 0) return undefined
  return isMicros(read.from) && isMicros(read.before) ? { ...read, kind: read.kind } : undefined
}
const isMicros = (text: string) => /^-?\d{1,18}$/.test(text)

/**
 * A purge ready to be signed, and the ranges of its links, which are stored next to the signature.
 */
export function purgeExemption(
  digest: Digest,
  tenantId: TenantId,
  purge: {
    readonly event: string
    readonly from: string
    readonly before: string
    /** In their order. */
    readonly links: readonly PurgedLink[]
  },
): { readonly exemption: Exemption; readonly links: string } {
  const { links, ...rest } = purge
  return {
    exemption: {
      ...rest,
      kind: 'activities_purged',
      subject: tenantId,
      count: links.length,
      digest: links.reduce((before, link) => foldLink(digest, before, link), ''),
    },
    links: rangesOf(links.map(({ seq }) => seq)),
  }
}

/** An event that claims to account for removed rows, as it is in the chain. */
export type ExemptingEvent = {
  readonly id: string
  readonly type: string
  readonly subject: string
  /** The number of its link. */
  readonly seq: number
  readonly occurredAtMicros: string
}

/** What can be wrong with an exemption. */
export type ExemptionFault =
  | 'exemption_not_signed'
  | 'exemption_not_ours'
  | 'purge_too_early'
  | 'purge_differs'
  | 'erasure_differs'

/** No policy allows an activity to be purged sooner. */
const leastRetentionMicros =
  BigInt(policyRules.activityRetentionDays.min) * 24n * 60n * 60n * 1_000_000n

/** Checks an exemption against its event, before anything is compared with the chain. */
export function checkExemption(
  event: ExemptingEvent,
  tenantId: TenantId,
  claims: ExemptionClaims,
  ranges: readonly Range[] | undefined,
): ExemptionFault | undefined {
  const { kind, subject } = claims
  const itsOwn = claims.event === event.id && kind === event.type && subject === event.subject
  if (claims.tid !== tenantId || !itsOwn) return 'exemption_not_ours'
  if (kind === 'user_erased') return undefined
  if (!ranges || subject !== tenantId) return 'purge_differs'
  const count = ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0)
  if (count !== claims.count || (ranges.at(-1)?.[1] ?? 0) >= event.seq) return 'purge_differs'
  const young = BigInt(event.occurredAtMicros) - leastRetentionMicros
  return BigInt(claims.before) > young ? 'purge_too_early' : undefined
}

/** Whether a link is of a row that a purge of this span may have removed. */
export function mayBePurged(
  { from, before }: Pick<Exemption, 'from' | 'before'>,
  { rowId, occurredAtMicros }: { readonly rowId: string; readonly occurredAtMicros: string },
): boolean {
  const at = BigInt(occurredAtMicros)
  return rowId.startsWith('act_') && at >= BigInt(from) && at < BigInt(before)
}

/**
 * Compares the rows about a user from before an erasure with those counted at the erasure: some may
 * have been purged since, none can have been added.
 */
export function checkErasure(
  claims: Pick<Exemption, 'count' | 'digest'>,
  current: Pick<Exemption, 'count' | 'digest'>,
): ExemptionFault | undefined {
  if (current.count < claims.count) return undefined
  return current.count === claims.count && current.digest === claims.digest
    ? undefined
    : 'erasure_differs'
}

/**
 * Rows about a user that are older than this at the time of the erasure have all committed, and are
 * counted.
 */
export const erasureCountsAfterSeconds = commitSlackSeconds

/**
 * The state of a tenant's record when signed exemptions began: what had been removed by then
 * (`purged`), and which users unsigned events declare erased. An unsigned event accounts for a gap
 * only up to this point.
 */
export type Checkpoint = ChainEnd & {
  readonly purged: number
  readonly purgedDigest: string
  readonly erased: number
  readonly erasedDigest: string
}

/** The payload of a checkpoint, or undefined for any other payload. */
export function readCheckpoint(
  payload: unknown,
): (Checkpoint & { readonly tid: string }) | undefined {
  const read = readClaims(
    {
      ...{ iss: 'string', tid: 'string', iat: 'integer', seq: 'integer', hash: 'string' },
      ...{ purged: 'integer', purgedDigest: 'string', erased: 'integer', erasedDigest: 'string' },
    },
    payload,
  )
  return read && read.seq >= 0 ? read : undefined
}
