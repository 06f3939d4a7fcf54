// Blocks that the statements of a sign-in read.

import type pg from 'pg'
import { readUse, resetUse } from './statement-use.ts'
import type { StoredPerson } from './stored-service.ts'

/** How often a sign-in runs a statement, and what it reads for one of its items. */
export type BlocksOfStatement = { readonly calls: number; readonly blocks: number }

export type Blocks = ReadonlyMap<string, BlocksOfStatement>

/** Until every connection has planned its statements for the rows that there are. */
const warmUpLoops = 4

/** They sign in so many times in all, all of them at a time. */
export async function readBlocks(
  client: pg.Client,
  people: readonly StoredPerson[],
  count: number,
): Promise<Blocks> {
  const loopsEach = Math.ceil(count / people.length)
  const loops = people.length * loopsEach
  const signIn = (each: number) =>
    Promise.all(
      people.map(async (person) => {
        for (let loop = 0; loop < each; loop++) await person.signIn()
      }),
    )
  await signIn(warmUpLoops)
  await resetUse(client)
  await signIn(loopsEach)
  const uses = await readUse(client)
  return new Map(
    uses.map(({ name, calls, rows, blocks }) => {
      // A batch returns, or changes, at least a row for each of its items.
      const items = Math.max(calls, rows)
      return [name, { calls: calls / loops, blocks: blocks / items }]
    }),
  )
}
