// How many rows a statement finds: where it may find one only, of two the first would be taken, whichever that is.

import type { Database, Queries } from '../../src/persistence/database.ts'

/** Writes down how many rows each statement gave when it last ran, by its name, also within transactions. */
export const countingRows =
  (found: Map<string, number>) =>
  (database: Database): Database => {
    const counting = (queries: Queries): Queries => ({
      async query(name, text, values) {
        const rows = await queries.query<never>(name, text, values)
        found.set(name, rows.length)
        return rows
      },
    })
    const transaction: Database['transaction'] = (work, longerMs) =>
      database.transaction((tx) => work(counting(tx)), longerMs)
    return { ...database, ...counting(database), transaction }
  }
