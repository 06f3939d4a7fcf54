import { expect, test } from 'vitest'
import { buildNotifySignals } from '../../../src/platform/postgres/notify-signals.ts'
import { onServer } from '../../support/cluster.ts'
import { createTestDatabase } from '../../support/database.ts'
import { until } from '../../support/until.ts'

test('signals closed while connecting leave no connection and no hanging process', async () => {
  await using database = await createTestDatabase()
  const failures: unknown[] = []
  const carrier = buildNotifySignals(
    database,
    async () => undefined,
    (error) => failures.push(error),
  )
  const starting = carrier.start(
    () => undefined,
    () => undefined,
  )
  await carrier.close()
  await starting
  await onServer(database.url, (client) =>
    until('its connection is gone', async () => {
      const connections = await client.query(
        `select 1 from pg_stat_activity
         where datname = current_database() and application_name = 'countersign-signals'`,
      )
      return connections.rows.length === 0
    }),
  )
  expect(failures).toEqual([])
})
