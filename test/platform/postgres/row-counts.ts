// Counts the rows that a statement finds: where it may find one only, the first of two would be
// used, whichever that is.

import type { Database, Queries } from '../../../src/platform/postgres/database.ts'

/**
 * Stores the row count of the last run of each statement, by its name, also within transactions.
 */
export const countingRows =
  (rowCounts: Map<string, number>) =>
  (database: Database): Database => {
    const counting = (queries: Queries): Queries => ({
      async query(name, text, values) {
        const rows = await queries.query<never>(name, text, values)
        rowCounts.set(name, rows.length)
        return rows
      },
    })
    const transaction: Database['transaction'] = (work, longerMs) =>
      database.transaction((tx) => work(counting(tx)), longerMs)
    return {
      ...database,
      ...counting(database),
      reserved: counting(database.reserved),
      transaction,
    }
  }
