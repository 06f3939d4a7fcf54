import type { NewAuditEvent } from '../domain/audit.ts'
import type { AuditLink, AuditRow, ChainEnd } from '../domain/audit-chain.ts'
import type {
  ExemptingEvent,
  Exemption,
  ExemptionType,
  PurgedLink,
} from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import type { PageRequest } from '../platform/paging.ts'

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

/** The end of a chain with links that are newer than its last signed head. */
export type UnsignedEnd = ChainEnd & {
  readonly tenantId: TenantId
  readonly checkpointSeq: number | null
  /** Everything committed until then is linked. */
  readonly through: Date
}

/**
 * A link with its current row: `about` is the user that the row is about, `isUserErased` when no
 * unerased user has that id.
 */
export type LinkReading = {
  readonly link: AuditLink
  readonly row: (AuditRow & { readonly about: string; readonly isUserErased: boolean }) | null
}

/** An event that accounts for removed rows, as it is in the chain. */
export type ExemptingRow = ExemptingEvent & { readonly details: Readonly<Record<string, unknown>> }

export type StoredHead = { readonly seq: number; readonly jws: string }

/**
 * How many rows to scan for, and how far before the last scan the next one reaches: some rows
 * commit after younger ones.
 */
export type AuditScan = { readonly limit: number; readonly lookBackSeconds: number }

export interface AuditStore {
  /** A page of changes, newest first. */
  list(tenantId: TenantId, filter: AuditFilter, page: PageRequest): Promise<AuditEvent[]>

  /** Tenants with unlinked rows within the scan's window, and those that have no checkpoint. */
  findUnlinked(
    look: AuditScan,
  ): Promise<{ readonly tenantId: TenantId; readonly checkpointed: boolean }[]>
  /**
   * Extends a tenant's chain by at most `limit` rows, oldest first, while no other process can;
   * `links` builds the links. Null when another process is extending it; otherwise how many rows
   * were linked.
   */
  lengthen(
    tenantId: TenantId,
    look: AuditScan,
    links: (end: ChainEnd, rows: readonly AuditRow[]) => readonly AuditLink[],
  ): Promise<number | null>
  /** Chain ends with new links whose last head is at least this old. */
  findUnsigned(headAgeSeconds: number, limit: number): Promise<UnsignedEnd[]>
  /** Stores a head; `changed` when another process signed this end or a later one first. */
  saveHead(tenantId: TenantId, head: StoredHead): Promise<'done' | 'changed'>

  // the start of signed exemptions
  /** Links after `afterSeq`, up to `throughSeq`, whose activity has been removed. */
  readPurgedLinks(tenantId: TenantId, afterSeq: number, throughSeq: number): Promise<PurgedLink[]>
  /**
   * The heads in all events that claim to be checkpoints, linked or not; null for an event without
   * one.
   */
  readCheckpoints(tenantId: TenantId): Promise<(string | null)[]>
  findLastHead(tenantId: TenantId): Promise<StoredHead | null>
  /** Records the checkpoint as an audit event; `changed` when there is one already. */
  saveCheckpoint(tenantId: TenantId, checkpoint: StoredHead): Promise<'done' | 'changed'>
  /** Marks which checkpoint the chain has. */
  markCheckpoint(tenantId: TenantId, seq: number): Promise<void>

  // for verifying the audit record
  /** Events of a type that are in the chain, by their ids. */
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
   * The chain's end as stored separately. `missing`: there are rows and no chain. `unsettled`: an
   * erasure or a purge of the last minute is not linked yet.
   */
  readEnd(
    tenantId: TenantId,
  ): Promise<ChainEnd & { readonly missing: boolean; readonly unsettled: boolean }>
  /**
   * A row that should have been linked long ago and is not, the oldest of its table; null when
   * there is none.
   */
  findOverdueRow(tenantId: TenantId): Promise<string | null>
}
