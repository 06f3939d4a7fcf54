// Retention of rows that are suddenly due, as after a shorter time was set.

import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { type Meanwhile, signInMeanwhile } from './meanwhile.ts'
import { readUse, resetUse, type StatementUse } from './statement-use.ts'
import type { StoredPerson, StoredService } from './stored-service.ts'

export type Retention = Meanwhile & {
  readonly seconds: number
  /** What it ran, and how often. */
  readonly statements: readonly StatementUse[]
}

/** What a tenant may set at least for activities. */
const retentionDays = 30
const lookEveryMs = 250
const retentionStatements = ['purge_challenges', 'purge_activities', 'links_of_purged']

// By the indexes that retention uses: this is asked often.
const none = (table: string, time: string) =>
  `not exists (select from ${table} where tenant_id = $1
    and ${time} < date_trunc('day', now(), 'UTC') - $2 * interval '1 day')`
const nothingDue = `select ${none('challenges', 'decided_at')}
  and ${none('activities', 'occurred_at')} as yes`

/** The worker runs; it purges at the latest minutes after this began. */
export async function measureRetention(
  { tenantId }: Pick<StoredService, 'tenantId'>,
  client: pg.Client,
  people: readonly StoredPerson[],
  quietSeconds: number,
  onError: (error: unknown) => void,
  stopping: AbortSignal,
): Promise<Retention> {
  await resetUse(client)
  const days = { challengeRetentionDays: retentionDays, activityRetentionDays: retentionDays }
  const { rows } = await client.query<{ id: string }>(
    'select id from challenges order by decided_at limit 1',
  )
  const oldest = rows[0]?.id
  const isGone = `select not exists (select from challenges where id = $1) as yes`
  const { span, ...meanwhile } = await signInMeanwhile(people, quietSeconds, onError, async () => {
    await client.query('update tenants set policy = policy || $1::jsonb', [JSON.stringify(days)])
    await looking(client, isGone, [oldest], stopping)
    const from = performance.now()
    await looking(client, nothingDue, [tenantId, retentionDays], stopping)
    return { from, until: performance.now() }
  })
  const uses = (await readUse(client)).filter(({ name }) => retentionStatements.includes(name))
  return { ...meanwhile, seconds: (span.until - span.from) / 1000, statements: uses }
}

async function looking(
  client: pg.Client,
  query: string,
  values: readonly unknown[],
  stopping: AbortSignal,
): Promise<void> {
  while (!stopping.aborted) {
    const { rows } = await client.query<{ yes: boolean }>(query, [...values])
    if (rows[0]?.yes) return
    await delay(lookEveryMs)
  }
}
