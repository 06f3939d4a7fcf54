// All data on one person, read piece by piece.

import type { TenantId, UserId } from '../domain/ids.ts'
import { storedSpellings } from '../domain/stored-activity-type.ts'
import type { Database } from '../platform/postgres/database.ts'
import type { Snapshot } from '../platform/postgres/snapshot.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { PersonalDataPage, PersonalDataStore } from './personal-data.store.ts'

/** Rows of a person, by table `t`. */
export const byUser = 't.tenant_id = :tenantId and t.user_id = :userId'
export const byDevice = `t.tenant_id = :tenantId and t.device_id in (
  select d.id from devices d where d.tenant_id = :tenantId and d.user_id = :userId)`
const byChallenge = `t.tenant_id = :tenantId and t.challenge_id in (
  select c.id from challenges c where c.tenant_id = :tenantId and c.user_id = :userId)`

/**
 * Where a person's rows are, and the columns that are no information about them but secrets, hashes
 * or sealed values.
 */
const tables: readonly (readonly [table: string, where: string, hidden: readonly string[]])[] = [
  ['users', 't.tenant_id = :tenantId and t.id = :userId', []],
  ['user_identifiers', byUser, ['key', 'folds']],
  ['enrollments', byUser, ['code_hash', 'typed_code_hash', 'number_sealed']],
  ['devices', byUser, ['push_token_sealed', 'push_token_hash', 'erased_key_hashes']],
  ['device_keys', byDevice, ['mac']],
  ['replaced_device_keys', byDevice, ['mac']],
  ['passcode_secrets', byDevice, ['secret_sealed']],
  ['single_use_codes', byUser, ['hash', 'key_sealed']],
  ['passcode_budgets', byUser, []],
  ['diagnostics', byUser, []],
  ['portal_sessions', byUser, ['link_hash', 'session_hash']],
  ['user_protections', byUser, []],
  ['initiators', byUser, []],
  ['reports', byUser, []],
  ['challenges', byUser, ['number_sealed', 'request_hash']],
  ['challenge_targets', byChallenge, ['request_hash']],
  ['answers', byChallenge, ['jws_sealed', 'jws']],
  ['shown_numbers', byUser, ['place', 'number_sealed']],
  ['followed_challenges', byChallenge, []],
  ['keycloak_callbacks', byChallenge, ['token_sealed']],
  ['deliveries', byDevice, []],
  ['activities', byUser, ['salt', 'post_hash']],
  ['activity_push_budgets', byUser, []],
  ['webhook_facts', byUser, []],
  ['webhook_deliveries', byUser, []],
  ['audit_events', 't.tenant_id = :tenantId and t.subject = :userId', ['salt']],
]

/** Columns that hold an activity type, by table. */
const typeColumns: ReadonlyMap<string, string> = new Map([
  ['activities', 'type'],
  ['webhook_facts', 'activity_type'],
])
const shownType = (column: string) => {
  const whens = Object.entries(storedSpellings).map(
    ([type, text]) => `when '${text}' then '${type}'`,
  )
  return `jsonb_build_object('${column}', case t.${column} ${whens.join(' ')} else t.${column} end)`
}

const pageRows = 200
// As JSON that is passed on unchanged: parsing and writing it again would cost more than all the
// rest.
function defineCursor(table: string, where: string) {
  const column = typeColumns.get(table)
  const row = column === undefined ? 'to_jsonb(t)' : `to_jsonb(t) || ${shownType(column)}`
  return statement<{
    readonly tenantId: TenantId
    readonly userId: UserId
    readonly hiddenColumns: readonly string[]
  }>(
    `export_${table}`,
    `declare person no scroll cursor for
     select ((${row}) - :hiddenColumns::text[])::text as row from ${table} t where ${where}`,
  )
}
const cursors = tables.map(([table, where, hiddenColumns]) => ({
  table,
  declare: defineCursor(table, where),
  hiddenColumns: ['tenant_id', ...hiddenColumns],
}))
const fetchRows = statement<object, { readonly row: string }>(
  'fetch_export_rows',
  `fetch ${pageRows} from person`,
)
const closeCursor = statement<object>('close_export', 'close person')

/**
 * Exports that this process reads concurrently; each keeps a connection for as long as its reader
 * takes.
 */
const concurrentMax = 4

async function* read(
  snapshot: Snapshot,
  tenantId: TenantId,
  userId: UserId,
): AsyncGenerator<PersonalDataPage, null> {
  for (const { table, declare, hiddenColumns } of cursors) {
    await run(snapshot, declare, { tenantId, userId, hiddenColumns })
    let isLast = false
    for (let isFirst = true; !isLast; isFirst = false) {
      const rows = await run(snapshot, fetchRows, {})
      isLast = rows.length < pageRows
      if (isFirst || rows.length > 0) yield { table, rows: rows.map(({ row }) => row) }
    }
    await run(snapshot, closeCursor, {})
  }
  return null
}

/**
 * Reads a snapshot of each person: one export at a time for each tenant, and few for the process.
 */
export function buildPersonalDataExport(database: Database): PersonalDataStore['openExport'] {
  const busyTenants = new Set<TenantId>()

  return async (tenantId, userId) => {
    const max = Math.min(concurrentMax, database.snapshotsMax)
    if (busyTenants.has(tenantId) || busyTenants.size >= max) return 'busy'
    busyTenants.add(tenantId)
    try {
      const snapshot = await database.snapshot()
      const pages = read(snapshot, tenantId, userId)
      return {
        next: async () => (await pages.next()).value,
        close: async () => {
          await snapshot.close()
          busyTenants.delete(tenantId)
        },
      }
    } catch (error) {
      busyTenants.delete(tenantId)
      throw error
    }
  }
}
