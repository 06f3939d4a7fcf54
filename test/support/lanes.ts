// Both ways of a statement to the database: in batches, and one by one.

import { buildChallengeStore } from '../../src/challenges/challenges.sql.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import type { Database } from '../../src/platform/postgres/database.ts'
import { buildLanes, type Lanes, laneLimits } from '../../src/platform/postgres/lane.ts'
import { type LaneStatements, skippedItem } from '../../src/platform/postgres/lane-statements.ts'

/** For tests that queue behind locks on purpose, on machines that may be busy. */
export const patientLimits = { ...laneLimits, waitMs: 15_000 }

/** The lanes of a process. */
export const buildBatchLanes = (): Lanes => buildLanes(patientLimits)

const atOnce = {
  ...patientLimits,
  inFlightMax: Number.POSITIVE_INFINITY,
  slowMax: Number.POSITIVE_INFINITY,
}

/** Lanes that send one item at a time, each at once: single statements only. */
export const buildSingleLanes = (): Lanes => buildLanes({ ...atOnce, itemsMax: 1 })

// Lock timeout, deadlock, and a budget that a batch could not check.
const undoingCodes = new Set(['55P03', '40P01', '23502'])

/** Also a lone item is a batch first; it goes singly where the batch leaves it alone. */
const asBatch = <Item, Outcome>(
  statements: LaneStatements<Item, Outcome>,
): LaneStatements<Item, Outcome> => ({
  ...statements,
  async single(item) {
    const outcomes = await statements.batch([item]).catch((error: { readonly code?: string }) => {
      if (!undoingCodes.has(String(error.code))) throw error
      return [skippedItem] as const
    })
    const [outcome] = outcomes
    if (outcome instanceof Error) throw outcome
    return outcome === undefined || outcome === skippedItem ? statements.single(item) : outcome
  },
})

/** Lanes that send every item in a batch first. */
function buildLoneBatchLanes(): Lanes {
  const lanes = buildLanes(atOnce)
  return { ...lanes, open: (statements) => lanes.open(asBatch(statements)) }
}

/** Stores, or a world, whose challenges take one way to the database. */
const through =
  (build: () => Lanes) =>
  <Stores extends { readonly database: Database }>(stores: Stores) => ({
    ...stores,
    challenges: buildChallengeStore(stores.database, systemRandom, build()),
  })

/** For tests of races, which hold on either way. */
export const bothPaths = [
  ['in batches', through(buildLoneBatchLanes)],
  ['singly', through(buildSingleLanes)],
] as const
