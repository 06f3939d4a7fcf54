// The audit chain of a tenant that has none yet, and its whole record to link.

import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { type Meanwhile, signInMeanwhile } from './meanwhile.ts'
import { readUse, resetUse } from './statement-use.ts'
import type { StoredPerson, StoredService } from './stored-service.ts'

export type Backlog = Meanwhile & {
  readonly entries: number
  readonly seconds: number
  /** Of the transaction's statements. */
  readonly longestStatementMs: number
}

const lookEveryMs = 100
const chainStatements = ['find_unlinked', 'unlinked_rows', 'insert_links', 'move_end']

/** Starts the worker, which stays. */
export async function measureBacklog(
  service: StoredService,
  client: pg.Client,
  people: readonly StoredPerson[],
  quietSeconds: number,
  onError: (error: unknown) => void,
  stopping: AbortSignal,
): Promise<Backlog> {
  await resetUse(client)
  const { rows } = await client.query<{ now: Date }>('select clock_timestamp() as now')
  const startedAt = rows[0]?.now
  let entries = 0
  const { span, ...meanwhile } = await signInMeanwhile(people, quietSeconds, onError, async () => {
    await service.startWorker()
    let from: number | undefined
    for (;;) {
      const { rows: ends } = await client.query<{ seq: number; done: boolean | null }>(
        'select seq::float8 as seq, linked_through >= $1 as done from audit_chains',
        [startedAt],
      )
      const [end] = ends
      if (end && end.seq > 0) from ??= performance.now()
      if (end?.done || stopping.aborted) {
        entries = end?.seq ?? 0
        return { from: from ?? performance.now(), until: performance.now() }
      }
      await delay(lookEveryMs)
    }
  })
  const uses = (await readUse(client)).filter(({ name }) => chainStatements.includes(name))
  return {
    ...meanwhile,
    entries,
    seconds: (span.until - span.from) / 1000,
    longestStatementMs: Math.max(0, ...uses.map(({ longestMs }) => longestMs)),
  }
}
