// Both ways of a statement to the database: in batches where several wait, and one by one.

import { buildLanes, type Lanes, laneLimits } from '../../src/platform/postgres/lane.ts'

/** The lanes of a process. */
export const buildBatchLanes = (): Lanes => buildLanes(laneLimits)

/** Lanes that send one item at a time, each at once: single statements only. */
export const buildSingleLanes = (): Lanes =>
  buildLanes({ ...laneLimits, itemsMax: 1, inFlightMax: Number.POSITIVE_INFINITY })

/** For tests of races, which hold on either way. */
export const bothPaths = [
  ['in batches', buildBatchLanes],
  ['singly', buildSingleLanes],
] as const
