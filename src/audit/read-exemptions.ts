import type { AuditFault, AuditLink } from '../domain/audit-chain.ts'
import {
  auditExemptionTyp,
  type Checkpoint,
  checkErasure,
  checkExemption,
  type ExemptionClaims,
  type ExemptionFault,
  exemptionTypes,
  foldLink,
  mayBePurged,
  type Range,
  readExemption,
  readRanges,
} from '../domain/audit-exemption.ts'
import { readHeader } from '../domain/claims.ts'
import type { TenantId } from '../domain/ids.ts'
import type { Hashing, Signatures } from '../platform/world.ts'
import type { AuditStore, ExemptingRow, LinkReading } from './audit.store.ts'
import { erasedBy, isUnsigned, readAllExempting } from './audit-checkpoint.ts'
import type { TrustedKeys } from './trusted-keys.ts'

export type Dependencies = {
  readonly audit: Pick<AuditStore, 'readExempting' | 'countAbout'>
  readonly signatures: Pick<Signatures, 'read' | 'verify'>
  readonly hashing: Pick<Hashing, 'sha256Base64Url'>
}

// The details of a purge of five hundred rows, none next to another, list all of them; the
// signature is short.
const exemptionBytesMax = 4096

type Purge = {
  readonly claims: ExemptionClaims
  /** Links of it that are still to come, and the digest of those read so far. */
  linksLeft: number
  digest: string
}
type Span = { readonly range: Range; readonly purge: Purge; readonly event: ExemptingRow }

/**
 * What a tenant's chain excuses, and the places of the chain where an exemption is claimed and
 * invalid.
 */
type Excuses = {
  readonly faults: ReadonlyMap<string, ExemptionFault>
  /** Ascending, without overlaps. */
  readonly spans: readonly Span[]
  readonly signedErasures: ReadonlyMap<string, ExemptionClaims>
  readonly erasedSubjects: ReadonlySet<string>
  readonly unsignedExemptions: {
    readonly purgedBeforeMicros: bigint
    readonly erased: number
    readonly erasedDigest: string
  }
}

/** Reads every exemption in the chain; unsigned ones count only up to the checkpoint. */
async function readExcuses(
  dependencies: Dependencies,
  tenantId: TenantId,
  trustedKey: TrustedKeys,
  checkpoint: Checkpoint | null,
): Promise<Excuses> {
  const faults = new Map<string, ExemptionFault>()
  const spans: Span[] = []
  const signedErasures = new Map<string, ExemptionClaims>()
  const unsignedEvents: ExemptingRow[] = []
  for (const type of exemptionTypes) {
    for (const event of await readAllExempting(dependencies, tenantId, type)) {
      if (isUnsigned(event)) {
        if (event.seq <= (checkpoint?.seq ?? 0)) unsignedEvents.push(event)
        else faults.set(event.id, 'exemption_not_signed')
        continue
      }
      const ranges = type === 'activities_purged' ? readRanges(event.details.links) : []
      const claims = await readSignedClaims(dependencies, tenantId, trustedKey, event)
      const fault = claims ? checkExemption(event, tenantId, claims, ranges) : 'exemption_not_ours'
      if (fault || !claims || !ranges) {
        faults.set(event.id, fault ?? 'exemption_not_ours')
      } else if (type === 'user_erased') {
        signedErasures.set(event.id, claims)
      } else {
        const purge: Purge = { claims, linksLeft: claims.count, digest: '' }
        spans.push(...ranges.map((range) => ({ range, purge, event })))
      }
    }
  }
  const erasures = unsignedEvents.filter(({ type }) => type === 'user_erased')
  const purges = unsignedEvents.filter(({ type }) => type === 'activities_purged')
  const signedSubjects = [...signedErasures.values()].map(({ subject }) => subject)
  return {
    faults,
    spans: sortedWithoutOverlap(spans, faults),
    signedErasures,
    erasedSubjects: new Set([...signedSubjects, ...erasures.map(({ subject }) => subject)]),
    unsignedExemptions: {
      ...erasedBy(dependencies.hashing.sha256Base64Url, erasures),
      purgedBeforeMicros: purges.map(purgedBefore).reduce((a, b) => (b > a ? b : a), 0n),
    },
  }
}

/** Sorts the spans; rows that were purged already cannot be purged again. */
function sortedWithoutOverlap(spans: Span[], faults: Map<string, ExemptionFault>): Span[] {
  const ascending = spans.toSorted((a, b) => a.range[0] - b.range[0] || a.event.seq - b.event.seq)
  let end = 0
  return ascending.filter(({ range, event }) => {
    if (range[0] <= end) {
      faults.set(event.id, 'purge_differs')
      return false
    }
    end = range[1]
    return true
  })
}

/** No purge removed anything later than itself, whatever it claims. */
function purgedBefore({ details, occurredAtMicros }: ExemptingRow): bigint {
  const { beforeMicros } = details
  const at = BigInt(occurredAtMicros)
  const claimedMicros =
    typeof beforeMicros === 'string' && /^\d{1,18}$/.test(beforeMicros) ? BigInt(beforeMicros) : 0n
  return claimedMicros < at ? claimedMicros : at
}

async function readSignedClaims(
  { signatures }: Dependencies,
  tenantId: TenantId,
  trustedKey: TrustedKeys,
  { details }: ExemptingRow,
): Promise<ExemptionClaims | undefined> {
  const { exemption } = details
  const jws = typeof exemption === 'string' && signatures.read(exemption, exemptionBytesMax)
  const header = jws && readHeader(auditExemptionTyp, jws.header)
  const key = header && (await trustedKey(tenantId, header.kid))
  if (!jws || !key || !(await signatures.verify(jws, key))) return undefined
  return readExemption(jws.payload)
}

type LinkExcuse = {
  readonly isPurged: boolean
  readonly isErased: boolean
  readonly fault: AuditFault | ExemptionFault | undefined
}

/** Checks the exemptions against the links of a chain, which come in order. */
export async function buildExemptionCheck(
  dependencies: Dependencies,
  tenantId: TenantId,
  trustedKey: TrustedKeys,
  checkpoint: Checkpoint | null,
) {
  const digest = dependencies.hashing.sha256Base64Url
  const { faults, spans, signedErasures, erasedSubjects, unsignedExemptions } = await readExcuses(
    dependencies,
    tenantId,
    trustedKey,
    checkpoint,
  )
  let next = 0
  const purgedRows = { purged: 0, purgedDigest: '' }

  function signedPurge(link: AuditLink, row: LinkReading['row']): LinkExcuse | undefined {
    while ((spans[next]?.range[1] ?? Infinity) < link.seq) next += 1
    const span = spans[next]
    if (!span || link.seq < span.range[0]) return undefined
    const { purge } = span
    purge.linksLeft -= 1
    purge.digest = foldLink(digest, purge.digest, link)
    const isWhole = purge.linksLeft > 0 || purge.digest === purge.claims.digest
    const isValid = row === null && isWhole && mayBePurged(purge.claims, link)
    return { isPurged: true, isErased: false, fault: isValid ? undefined : 'purge_differs' }
  }

  function unsignedPurge(link: AuditLink): boolean {
    if (link.seq > (checkpoint?.seq ?? 0)) return false
    purgedRows.purged += 1
    purgedRows.purgedDigest = foldLink(digest, purgedRows.purgedDigest, link)
    return mayBePurged(
      { from: `${-(10n ** 17n)}`, before: `${unsignedExemptions.purgedBeforeMicros}` },
      link,
    )
  }

  return {
    /** What excuses this link, and the fault of an exemption that claims to. */
    async check({ link, row }: LinkReading): Promise<LinkExcuse> {
      const signedExcuse = signedPurge(link, row)
      if (signedExcuse) return signedExcuse
      if (row === null) return { isPurged: unsignedPurge(link), isErased: false, fault: undefined }
      const claims = signedErasures.get(link.rowId)
      const fault =
        faults.get(link.rowId) ??
        (claims &&
          checkErasure(
            claims,
            await dependencies.audit.countAbout(tenantId, claims.subject, claims.before),
          ))
      return { isPurged: false, isErased: row.isUserErased && erasedSubjects.has(row.about), fault }
    },

    /**
     * Whether the record up to the checkpoint is as it was then. To be called when all links up to
     * it were checked.
     */
    checkpointHolds({ seq, hash }: { readonly seq: number; readonly hash: string }): boolean {
      if (checkpoint === null || seq !== checkpoint.seq) return true
      return (
        hash === checkpoint.hash &&
        purgedRows.purged === checkpoint.purged &&
        purgedRows.purgedDigest === checkpoint.purgedDigest &&
        unsignedExemptions.erased === checkpoint.erased &&
        unsignedExemptions.erasedDigest === checkpoint.erasedDigest
      )
    },
  }
}
