// Whether the routes can work: reading and writing, as they do.

import type { Database } from './database.ts'
import { DatabaseFault } from './database-errors.ts'
import { describeDatabaseError } from './start-errors.ts'

type Log = {
  info(facts: Record<string, unknown>, message: string): void
  warn(facts: Record<string, unknown>, message: string): void
}

// Load balancers ask each second, and several of them.
const sharedForMs = 1_000

const missingRights = `
  select c.relname as name from pg_class c
  where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
    and c.relname <> '_prisma_migrations'
    and not (has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
      and has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete'))
  limit 1`

/**
 * Probes what the routes need, in one transaction: rights on every table, a row that is committed
 * durably, and room for a new page on the disk, since a row that is changed in place needs none.
 */
async function probeDatabase(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    const [missingTable] = await tx.query<{ name: string }>('missing_rights', missingRights, [])
    if (missingTable)
      throw new DatabaseFault(`rights on the table ${missingTable.name} are missing`)
    const probedRows = await tx.query(
      'probe_write',
      'update installation set probed_at = clock_timestamp() returning id',
      [],
    )
    if (probedRows.length === 0) throw new DatabaseFault('the table installation has lost its row')
    const [temp] = await tx.query<{ may: boolean }>(
      'may_use_temp',
      `select has_database_privilege(current_database(), 'temp') as may`,
      [],
    )
    if (!temp?.may) return
    // Emptied at the end of each transaction, so that each begins with a new page.
    const room =
      'create temp table if not exists countersign_room (page text) on commit delete rows'
    await tx.query('make_room', room, [])
    await tx.query('probe_room', 'insert into pg_temp.countersign_room values ($1)', ['x'])
  })
}

/**
 * Whether the database can serve the routes at the moment. One probe at a time, and its result is
 * shared for a second among all callers. The reason of a failure is logged, once until a probe
 * succeeds again.
 */
export function buildReadiness(database: Database, log: Log): () => Promise<boolean> {
  let pendingProbe: Promise<boolean> | undefined
  let knownUntil = 0
  let loggedReason: string | undefined

  async function probe(): Promise<boolean> {
    try {
      await probeDatabase(database)
      if (loggedReason !== undefined) log.info({}, 'ready again')
      loggedReason = undefined
      return true
    } catch (error) {
      const reason = describeDatabaseError(error) ?? String(error)
      if (loggedReason === undefined)
        log.warn({ reason }, 'not ready: the database cannot carry requests')
      loggedReason = reason
      return false
    } finally {
      knownUntil = performance.now() + sharedForMs
    }
  }

  return () => {
    if (!pendingProbe || knownUntil <= performance.now()) {
      knownUntil = Number.POSITIVE_INFINITY
      pendingProbe = probe()
    }
    return pendingProbe
  }
}
