// What excuses a gap in an audit chain: the tenant's key signs what went, in the transaction in which it went.

import { type ChainEnd, commitSlackSeconds } from './audit-chain.ts'
import { readClaims } from './claims.ts'
import type { TenantId } from './ids.ts'
import { policyRules } from './policy-rules.ts'

export const auditExemptionTyp = 'audit-exemption+jwt'
export const auditCheckpointTyp = 'audit-checkpoint+jwt'

/** The events that excuse what is gone. */
export const exemptionTypes = ['activities_purged', 'user_erased'] as const
export type ExemptionType = (typeof exemptionTypes)[number]
const isExemption = (type: string): type is ExemptionType =>
  (exemptionTypes as readonly string[]).includes(type)

/** A link of something that went. */
export type GoneLink = { readonly seq: number; readonly hash: string }

/** base64url SHA-256. */
type Digest = (text: string) => string

/** The digest of links in their order, one after the other; begins with ''. */
export const foldLink = (digest: Digest, before: string, { seq, hash }: GoneLink): string =>
  digest(JSON.stringify(['audit-gone/1', before, seq, hash]))
/** The digest of names in their order; begins with ''. */
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

/** The ranges, or undefined when they are none, or not ascending and apart. */
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
 * What was signed with an exemption. Of a purge: the links of what went, all of it from `from` and before `before`. Of an erasure:
 * the rows about the user from before `before`, by their ids. Times in microseconds since 1970, in decimal.
 */
export type Exemption = {
  readonly kind: ExemptionType
  /** The audit event that it belongs to: it excuses nothing under another. */
  readonly event: string
  /** The tenant of a purge, the user of an erasure. */
  readonly subject: string
  readonly from: string
  readonly before: string
  readonly count: number
  readonly digest: string
}

export type ExemptionClaims = Exemption & { readonly iss: string; readonly tid: string }

/** The payload of an exemption, or undefined when it is none. */
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

/** A purge as it is to be signed, and the ranges of its links, which stand beside the signature. */
export function purgeExemption(
  digest: Digest,
  tenantId: TenantId,
  gone: {
    readonly event: string
    readonly from: string
    readonly before: string
    /** In their order. */
    readonly links: readonly GoneLink[]
  },
): { readonly exemption: Exemption; readonly links: string } {
  const { links, ...rest } = gone
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

/** An event that says that it excuses something, as it stands in the chain. */
export type ExemptingEvent = {
  readonly id: string
  readonly type: string
  readonly subject: string
  /** The number of its link. */
  readonly seq: number
  readonly occurredAtMicros: string
}

/** What can be wrong with what excuses a gap. */
export type ExemptionFault =
  | 'exemption_not_signed'
  | 'exemption_not_ours'
  | 'purge_too_early'
  | 'purge_differs'
  | 'erasure_differs'

/** No policy lets an activity go sooner. */
const leastRetentionMicros =
  BigInt(policyRules.activityRetentionDays.min) * 24n * 60n * 60n * 1_000_000n

/** What is wrong with an exemption beside its event, before anything is held against the chain. */
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

/** Whether a link stands for something that a purge of this span may have taken. */
export function mayBePurged(
  { from, before }: Pick<Exemption, 'from' | 'before'>,
  { rowId, occurredAtMicros }: { readonly rowId: string; readonly occurredAtMicros: string },
): boolean {
  const at = BigInt(occurredAtMicros)
  return rowId.startsWith('act_') && at >= BigInt(from) && at < BigInt(before)
}

/** Rows about a user by now that are from before an erasure: some may have been purged since, none can have come. */
export function checkErasure(
  claims: Pick<Exemption, 'count' | 'digest'>,
  found: Pick<Exemption, 'count' | 'digest'>,
): ExemptionFault | undefined {
  if (found.count < claims.count) return undefined
  return found.count === claims.count && found.digest === claims.digest
    ? undefined
    : 'erasure_differs'
}

/** Rows about a user that are older than this at the erasure have all committed, and are counted. */
export const erasureCountsAfterSeconds = commitSlackSeconds

/**
 * Where a tenant's record stood when exemptions began to be signed: what had gone by then (`purged`), and whom unsigned events say
 * to be erased. What excuses a gap without a signature counts only up to there.
 */
export type Checkpoint = ChainEnd & {
  readonly purged: number
  readonly purgedDigest: string
  readonly erased: number
  readonly erasedDigest: string
}

/** The payload of a checkpoint, or undefined when it is none. */
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
