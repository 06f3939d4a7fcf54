import type { GoneLink } from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import type { Policy } from '../domain/policy.ts'
import type { RetainedKind } from '../domain/retention.ts'

/** Rows that belong to no tenant's policy and are worth nothing any more. */
export type LeftoverKind = 'portalSessions' | 'testPushes' | 'webhooks' | 'webhookEndpoints'

/** Rows without a time to find them by: they are walked through, a page at a time. */
export type WalkedKind = 'initiators' | 'passcodeBudgets' | 'singleUseCodes'

/** Where a walk stands: the key of the last row that was looked at. */
export type WalkPlace = readonly string[]

/** Activities that go: the event that will say so, when they are from (microseconds), and their links in order. */
export type GoneActivities = {
  readonly event: string
  readonly rows: number
  readonly from: string
  readonly before: string
  readonly links: readonly GoneLink[]
}

/** Makes the details of the event that excuses what goes, in its transaction: it must not ask the database. */
export type Exempt<Gone> = (gone: Gone) => Promise<Readonly<Record<string, unknown>>>

/** Takes away what is past its time: in batches, each in one short transaction, skipping what anybody holds. */
export interface RetentionStore {
  /** The next tenant in the order of ids, with its policy and the database's time; null after the last. */
  nextTenant(
    after: TenantId | null,
  ): Promise<{ readonly tenantId: TenantId; readonly policy: Policy; readonly now: Date } | null>
  /**
   * Deletes at most `limit` rows of this kind that ended before `before`, with what hangs on them, and returns how many; never what is
   * pending, owed, under an open report or needed by a living device. Activities leave an audit event in the same transaction, with
   * what `exempt` says; none goes before the tenant's audit chain has its checkpoint.
   */
  purge(
    kind: RetainedKind,
    tenantId: TenantId,
    before: Date,
    limit: number,
    exempt: Exempt<GoneActivities>,
  ): Promise<number>
  purgeLeftovers(kind: LeftoverKind, limit: number): Promise<number>
  /** Looks at the next `limit` rows and deletes the idle among them; null at the end of the walk. */
  walk(kind: WalkedKind, after: WalkPlace | null, limit: number): Promise<WalkPlace | null>
}
