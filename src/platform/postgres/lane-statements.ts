// What a lane is given, and what it reports.

/** Says of an item that the batch left it alone: a row of it was locked by somebody else. */
export const skippedItem = Symbol('skipped')

/** How long a batch waits for a row that it cannot skip. */
export const lockMomentMs = 50

/**
 * First of all common table expressions of a batch that locks rows: how long it waits for a row
 * that it cannot skip (an Idempotency-Key or a proof that another transaction is inserting). For
 * this statement only.
 */
export const lockMoment = `lock_moment as materialized (
    select set_config('lock_timeout', '${lockMomentMs}ms', true)
  )`

/** One kind of statement, for one item and for many. */
export type LaneStatements<Item, Outcome> = {
  /** Of the lane, in metrics and errors. */
  readonly name: string
  /** Who waits: lines are served round-robin. The tenant, where one is known. */
  readonly lineOf: (item: Item) => string
  /** The rows that it brings along, where an item is more than one; a batch is bounded by them. */
  readonly weightOf?: (item: Item) => number
  /** The reference: what it does for an item is right; the batch does the same or skips it. */
  readonly single: (item: Item) => Promise<Outcome>
  /**
   * Outcomes in the order of the items, in one transaction; an error fails its item alone. Never
   * waits for a locked row, except a moment for one that it cannot skip.
   */
  readonly batch: (
    items: readonly Item[],
  ) => Promise<readonly (Outcome | Error | typeof skippedItem)[]>
}

export type LaneLimits = {
  /** Statements of one lane that run concurrently. */
  readonly inFlightMax: number
  /** Items of a batch, and the rows that they may bring along. */
  readonly itemsMax: number
  readonly weightMax: number
  /** Items that wait in one lane, of all lines and of one. */
  readonly waitingMax: number
  readonly waitingInLineMax: number
  /** The longest wait for a statement to begin. */
  readonly waitMs: number
  /** Single statements of all lanes that run concurrently for items which a batch has skipped. */
  readonly slowMax: number
}

/** What became of one batch, for metrics. */
export type BatchReport = {
  readonly lane: string
  readonly items: number
  /** Those that went singly afterwards; all of them when the batch was undone. */
  readonly singles: number
  readonly isUndone: boolean
  readonly ms: number
  /** How long its first item has waited. */
  readonly waitedMs: number
}
