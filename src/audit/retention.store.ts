import type { Exemption, PurgedLink } from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import type { Policy } from '../domain/policy.ts'
import type { LeftoverKind, RetainedKind, ScannedKind } from '../domain/retention.ts'

/** The cursor of a scan: the key of the last row that was read. */
export type ScanCursor = readonly string[]

/**
 * Activities to be purged: the event that will record it, the times they are from (microseconds),
 * and their links in order.
 */
export type PurgedActivities = {
  readonly event: string
  readonly rows: number
  readonly from: string
  readonly before: string
  readonly links: readonly PurgedLink[]
}

/**
 * Builds the details of the event that accounts for the removed rows, in its transaction: it must
 * not query the database.
 */
export type Exempt<Removal> = (removal: Removal) => Promise<Readonly<Record<string, unknown>>>

/**
 * Deletes rows that are past their retention: in batches, each in one short transaction, skipping
 * locked rows.
 */
export interface RetentionStore {
  /**
   * The next tenant in the order of ids, with its policy and the database's time; null after the
   * last.
   */
  nextTenant(
    after: TenantId | null,
  ): Promise<{ readonly tenantId: TenantId; readonly policy: Policy; readonly now: Date } | null>
  /**
   * Deletes at most `limit` rows of this kind that ended before `before`, with their dependent
   * rows, and returns how many; never rows that are pending, queued, under an open report or needed
   * by a live device. Activities leave an audit event in the same transaction, with the details
   * from `exempt`; none is deleted before the tenant's audit chain has its checkpoint.
   */
  purge(
    kind: RetainedKind,
    tenantId: TenantId,
    before: Date,
    limit: number,
    exempt: Exempt<PurgedActivities>,
  ): Promise<number>
  purgeLeftovers(kind: LeftoverKind, limit: number): Promise<number>
  /**
   * Reads the next `limit` rows and deletes the idle ones among them; null at the end of the scan.
   */
  scan(kind: ScannedKind, after: ScanCursor | null, limit: number): Promise<ScanCursor | null>
}

/**
 * Details to be erased: the event that will record it, and the rows about the user from before a
 * time, by which they are counted.
 */
export type ErasedDetails = Pick<Exemption, 'event' | 'from' | 'before' | 'count' | 'digest'>
