// What a sign-in and a user take on the disk, from the sizes of whole tables.

import type { StoredMeasurement } from './measure-stored.ts'
import type { TableSize } from './sizes.ts'

export type DiskUse = {
  readonly tables: readonly TableSize[]
  readonly bytesPerSignIn: number
  readonly bytesPerUser: number
  /** Of 100,000 sign-ins a day, by the default times of retention; without the audit chain. */
  readonly steadyBytes: number
  /** What the audit chain grows by, with as many; it is kept permanently. */
  readonly foreverBytesPerYear: number
}

const signInsPerDay = 100_000
/** By default; `docs/limits.md` has them. */
const keptDays = { challenges: 90, activities: 400 } as const
const daysOfYear = 365

/** One entry of the chain for each sign-in: its decision. */
const chain = 'audit_links'

export function diskUseOf(
  sizes: readonly TableSize[],
  { rowsOfSignIn, rowsOfUser }: Pick<StoredMeasurement, 'rowsOfSignIn' | 'rowsOfUser'>,
): DiskUse {
  const bytesOfRow = new Map(sizes.map(({ table, rows, bytes }) => [table, bytes / rows]))
  const bytesOf = (rows: ReadonlyMap<string, number>) =>
    [...rows].reduce((sum, [table, count]) => sum + count * (bytesOfRow.get(table) ?? 0), 0)
  const link = bytesOfRow.get(chain) ?? 0
  const activities = bytesOf(new Map([['activities', rowsOfSignIn.get('activities') ?? 0]]))
  const others = bytesOf(rowsOfSignIn) - activities
  return {
    tables: sizes,
    bytesPerSignIn: others + activities + link,
    bytesPerUser: bytesOf(rowsOfUser),
    steadyBytes: signInsPerDay * (others * keptDays.challenges + activities * keptDays.activities),
    foreverBytesPerYear: signInsPerDay * daysOfYear * link,
  }
}
