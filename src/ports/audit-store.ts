import type { NewAuditEvent } from '../domain/audit.ts'
import type { AuditLink, AuditRow, ChainEnd } from '../domain/audit-chain.ts'
import type {
  ExemptingEvent,
  Exemption,
  ExemptionType,
  GoneLink,
} from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import type { PageRequest } from './directory-store.ts'

/** One row of the audit record. */
export type AuditEvent = Required<NewAuditEvent> & {
  readonly id: string
  readonly occurredAt: Date
}

export type AuditFilter = {
  readonly type?: string | undefined
  readonly actor?: string | undefined
  readonly subject?: string | undefined
}

/** The end of a chain that has grown since its last signed head. */
export type UnsignedEnd = ChainEnd & {
  readonly tenantId: TenantId
  readonly checkpointSeq: number | null
  /** Everything committed until then is linked. */
  readonly through: Date
}

/** A link beside what it stands for today: `about` is whom the row tells of, `gone` when no user of that id is left unerased. */
export type LinkReading = {
  readonly link: AuditLink
  readonly row: (AuditRow & { readonly about: string; readonly gone: boolean }) | null
}

/** An event that excuses something, as it stands in the chain. */
export type ExemptingRow = ExemptingEvent & { readonly details: Readonly<Record<string, unknown>> }

export type StoredHead = { readonly seq: number; readonly jws: string }

/** How many rows are looked for, and how far before the last look the next one reaches: some commit after younger ones. */
export type Look = { readonly limit: number; readonly lookBackSeconds: number }

export interface AuditStore {
  /** A page of what was changed, newest first. */
  list(tenantId: TenantId, filter: AuditFilter, page: PageRequest): Promise<AuditEvent[]>

  /** Tenants with rows within the look that are not linked yet, and those that have no checkpoint. */
  findUnlinked(
    look: Look,
  ): Promise<{ readonly tenantId: TenantId; readonly checkpointed: boolean }[]>
  /**
   * Lengthens a tenant's chain by at most `limit` rows, oldest first, while no other process can; `links` makes the links.
   * Null when another process is at it; otherwise how many rows were linked.
   */
  lengthen(
    tenantId: TenantId,
    look: Look,
    links: (end: ChainEnd, rows: readonly AuditRow[]) => readonly AuditLink[],
  ): Promise<number | null>
  /** Ends that have grown and whose last head is at least this old. */
  findUnsigned(headAgeSeconds: number, limit: number): Promise<UnsignedEnd[]>
  /** Keeps a head; false when another process signed this end or a later one first. */
  saveHead(tenantId: TenantId, head: StoredHead): Promise<boolean>

  // where exemptions begin to be signed
  /** Links after `afterSeq`, up to `throughSeq`, whose activity is gone. */
  readGone(tenantId: TenantId, afterSeq: number, throughSeq: number): Promise<GoneLink[]>
  /** What events say to be checkpoints, linked or not; null where one says nothing. */
  readCheckpoints(tenantId: TenantId): Promise<(string | null)[]>
  findLastHead(tenantId: TenantId): Promise<StoredHead | null>
  /** Records the checkpoint as an audit event; false when there is one already. */
  saveCheckpoint(tenantId: TenantId, checkpoint: StoredHead): Promise<boolean>
  /** Notes which checkpoint there is. */
  markCheckpoint(tenantId: TenantId, seq: number): Promise<void>

  // for the audit of the audit
  /** Events of a type that stand in the chain, by their ids. */
  readExempting(
    tenantId: TenantId,
    type: ExemptionType,
    afterId: string,
    limit: number,
  ): Promise<ExemptingRow[]>
  /** Rows about a user from before this time (microseconds), erased or not. */
  countAbout(
    tenantId: TenantId,
    userId: string,
    before: string,
  ): Promise<Pick<Exemption, 'count' | 'digest'>>
  readLinks(tenantId: TenantId, afterSeq: number, limit: number): Promise<LinkReading[]>
  readHeads(tenantId: TenantId): Promise<StoredHead[]>
  /**
   * The chain's end as kept beside it. `missing`: there are rows and no chain. `unsettled`: an erasure or a purge of the last minute
   * is not linked yet.
   */
  readEnd(
    tenantId: TenantId,
  ): Promise<ChainEnd & { readonly missing: boolean; readonly unsettled: boolean }>
  /** A row that should have been linked long ago and is not, the oldest of its table; null when there is none. */
  findForgotten(tenantId: TenantId): Promise<string | null>
}
