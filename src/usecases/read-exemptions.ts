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
import type { AuditStore, ExemptingRow, LinkReading } from '../ports/audit-store.ts'
import type { Hashing, Signatures } from '../ports/world.ts'
import { erasedBy, isUnsigned, readAllExempting } from './audit-checkpoint.ts'
import type { BelievedKeys } from './believed-keys.ts'

export type Needs = {
  readonly audit: Pick<AuditStore, 'readExempting' | 'countAbout'>
  readonly signatures: Pick<Signatures, 'read' | 'verify'>
  readonly hashing: Pick<Hashing, 'sha256Base64Url'>
}

// A purge of five hundred rows, each apart from the others, stands in the details; the signature is short.
const exemptionBytesMax = 4096

type Purge = {
  readonly claims: ExemptionClaims
  /** Links of it that are still to come, and the digest of those that came. */
  left: number
  digest: string
}
type Span = { readonly range: Range; readonly purge: Purge; readonly event: ExemptingRow }

/** What a tenant's chain excuses, and the places of the chain where something says so and excuses nothing. */
type Excuses = {
  readonly faults: ReadonlyMap<string, ExemptionFault>
  /** Ascending and apart. */
  readonly spans: readonly Span[]
  readonly signedErasures: ReadonlyMap<string, ExemptionClaims>
  readonly erased: ReadonlySet<string>
  readonly unsigned: {
    readonly purgedBeforeMicros: bigint
    readonly erased: number
    readonly erasedDigest: string
  }
}

/** Reads everything in the chain that excuses something; what is not signed counts only up to the checkpoint. */
async function readExcuses(
  needs: Needs,
  tenantId: TenantId,
  believes: BelievedKeys,
  checkpoint: Checkpoint | null,
): Promise<Excuses> {
  const faults = new Map<string, ExemptionFault>()
  const spans: Span[] = []
  const signedErasures = new Map<string, ExemptionClaims>()
  const unsigned: ExemptingRow[] = []
  for (const type of exemptionTypes) {
    for (const event of await readAllExempting(needs, tenantId, type)) {
      if (isUnsigned(event)) {
        if (event.seq <= (checkpoint?.seq ?? 0)) unsigned.push(event)
        else faults.set(event.id, 'exemption_not_signed')
        continue
      }
      const ranges = type === 'activities_purged' ? readRanges(event.details.links) : []
      const claims = await readSigned(needs, tenantId, believes, event)
      const fault = claims ? checkExemption(event, tenantId, claims, ranges) : 'exemption_not_ours'
      if (fault || !claims || !ranges) {
        faults.set(event.id, fault ?? 'exemption_not_ours')
      } else if (type === 'user_erased') {
        signedErasures.set(event.id, claims)
      } else {
        const purge: Purge = { claims, left: claims.count, digest: '' }
        spans.push(...ranges.map((range) => ({ range, purge, event })))
      }
    }
  }
  const erasures = unsigned.filter(({ type }) => type === 'user_erased')
  const purges = unsigned.filter(({ type }) => type === 'activities_purged')
  const signed = [...signedErasures.values()].map(({ subject }) => subject)
  return {
    faults,
    spans: apart(spans, faults),
    signedErasures,
    erased: new Set([...signed, ...erasures.map(({ subject }) => subject)]),
    unsigned: {
      ...erasedBy(needs.hashing.sha256Base64Url, erasures),
      purgedBeforeMicros: purges.map(purgedBefore).reduce((a, b) => (b > a ? b : a), 0n),
    },
  }
}

/** In their order; what was purged already cannot be purged again. */
function apart(spans: Span[], faults: Map<string, ExemptionFault>): Span[] {
  const sorted = spans.toSorted((a, b) => a.range[0] - b.range[0] || a.event.seq - b.event.seq)
  let end = 0
  return sorted.filter(({ range, event }) => {
    if (range[0] <= end) {
      faults.set(event.id, 'purge_differs')
      return false
    }
    end = range[1]
    return true
  })
}

/** No purge took what came after it, whatever it says. */
function purgedBefore({ details, occurredAtMicros }: ExemptingRow): bigint {
  const { beforeMicros } = details
  const at = BigInt(occurredAtMicros)
  const said =
    typeof beforeMicros === 'string' && /^\d{1,18}$/.test(beforeMicros) ? BigInt(beforeMicros) : 0n
  return said < at ? said : at
}

async function readSigned(
  { signatures }: Needs,
  tenantId: TenantId,
  believes: BelievedKeys,
  { details }: ExemptingRow,
): Promise<ExemptionClaims | undefined> {
  const { exemption } = details
  const jws = typeof exemption === 'string' && signatures.read(exemption, exemptionBytesMax)
  const header = jws && readHeader(auditExemptionTyp, jws.header)
  const key = header && (await believes(tenantId, header.kid))
  if (!jws || !key || !(await signatures.verify(jws, key))) return undefined
  return readExemption(jws.payload)
}

type Judged = {
  readonly purged: boolean
  readonly erased: boolean
  readonly fault: AuditFault | ExemptionFault | undefined
}

/** Holds what excuses gaps against the links of a chain, which come in their order. */
export async function openExemptions(
  needs: Needs,
  tenantId: TenantId,
  believes: BelievedKeys,
  checkpoint: Checkpoint | null,
) {
  const digest = needs.hashing.sha256Base64Url
  const { faults, spans, signedErasures, erased, unsigned } = await readExcuses(
    needs,
    tenantId,
    believes,
    checkpoint,
  )
  let next = 0
  const gone = { purged: 0, purgedDigest: '' }

  function signedPurge(link: AuditLink, row: LinkReading['row']): Judged | undefined {
    while ((spans[next]?.range[1] ?? Infinity) < link.seq) next += 1
    const span = spans[next]
    if (!span || link.seq < span.range[0]) return undefined
    const { purge } = span
    purge.left -= 1
    purge.digest = foldLink(digest, purge.digest, link)
    const whole = purge.left > 0 || purge.digest === purge.claims.digest
    const right = row === null && whole && mayBePurged(purge.claims, link)
    return { purged: true, erased: false, fault: right ? undefined : 'purge_differs' }
  }

  function unsignedPurge(link: AuditLink): boolean {
    if (link.seq > (checkpoint?.seq ?? 0)) return false
    gone.purged += 1
    gone.purgedDigest = foldLink(digest, gone.purgedDigest, link)
    return mayBePurged({ from: `${-(10n ** 17n)}`, before: `${unsigned.purgedBeforeMicros}` }, link)
  }

  return {
    /** What excuses this link, and what is wrong with what it says to excuse. */
    async judge({ link, row }: LinkReading): Promise<Judged> {
      const signed = signedPurge(link, row)
      if (signed) return signed
      if (row === null) return { purged: unsignedPurge(link), erased: false, fault: undefined }
      const claims = signedErasures.get(link.rowId)
      const fault =
        faults.get(link.rowId) ??
        (claims &&
          checkErasure(
            claims,
            await needs.audit.countAbout(tenantId, claims.subject, claims.before),
          ))
      return { purged: false, erased: row.gone && erased.has(row.about), fault }
    },

    /** Whether the record of before the checkpoint is as it was then. To be asked when all links up to there were judged. */
    checkpointHolds({ seq, hash }: { readonly seq: number; readonly hash: string }): boolean {
      if (checkpoint === null || seq !== checkpoint.seq) return true
      return (
        hash === checkpoint.hash &&
        gone.purged === checkpoint.purged &&
        gone.purgedDigest === checkpoint.purgedDigest &&
        unsigned.erased === checkpoint.erased &&
        unsigned.erasedDigest === checkpoint.erasedDigest
      )
    },
  }
}
