// Rows with the times of the past. Ids carry a time as well: they come from a clock that is set.

import { buildRandom } from '../../src/platform/crypto/random.ts'
import type { Database, Queries } from '../../src/platform/postgres/database.ts'
import { SessionClient } from '../../src/platform/postgres/session-settings.ts'
import type { Random } from '../../src/platform/world.ts'

/** Randomness whose ids are of the moment that was set last. */
export function buildPastRandom(): {
  readonly random: Random
  setMoment(moment: Date): void
} {
  let offsetMs = 0
  const clock = { now: () => new Date(Date.now() + offsetMs) }
  let current = buildRandom(clock)
  return {
    random: { ...current, id: (kind) => current.id(kind) },
    setMoment(moment) {
      const nextOffsetMs = moment.getTime() - Date.now()
      // Ids of one generator never go back.
      if (nextOffsetMs < offsetMs) current = buildRandom(clock)
      offsetMs = nextOffsetMs
    },
  }
}

/** Times that the database sets by its own clock when people and phones are set up. */
const recordedTimes = [
  ['tenants', 'created_at'],
  ['signing_keys', 'created_at'],
  ['relying_parties', 'created_at'],
  ['api_keys', 'created_at'],
  ['users', 'created_at'],
  ['enrollments', 'created_at'],
  ['enrollments', 'expires_at'],
  ['enrollments', 'claimed_at'],
  ['enrollments', 'ended_at'],
  ['devices', 'created_at'],
  ['devices', 'activated_at'],
  ['devices', 'last_seen_at'],
  ['activities', 'occurred_at'],
  ['audit_events', 'occurred_at'],
] as const

/** The database's time, in full. */
export async function readMark(database: Queries): Promise<string> {
  const [row] = await database.query<{ now: string }>(
    'seed_mark',
    'select clock_timestamp()::text as now',
    [],
  )
  if (!row) throw new Error('the database tells no time')
  return row.now
}

/**
 * Moves what a tenant recorded since the mark to a moment in the past; the order stays. Only while
 * the audit record cannot be linked: a link holds the time of its row.
 */
export async function moveToMoment(
  database: Database,
  tenantId: string,
  mark: string,
  moment: Date,
): Promise<void> {
  await database.transaction(async (tx) => {
    for (const [table, column] of recordedTimes) {
      await tx.query(
        `seed_move_${table}_${column}`,
        `update ${table} set ${column} = ${column} - ($2::text::timestamptz - $3::timestamptz)
        where tenant_id = $1 and ${column} >= $2::text::timestamptz`,
        [tenantId, mark, moment],
      )
    }
  })
}

const rowsPerStatement = 500

/** Inserts rows in their own columns; all others get their defaults. */
export async function insertRows(
  tx: Queries,
  table: string,
  rows: readonly Readonly<Record<string, unknown>>[],
): Promise<void> {
  const columns = Object.keys(rows[0] ?? {}).join(', ')
  for (let at = 0; at < rows.length; at += rowsPerStatement) {
    await tx.query(
      `seed_insert_${table}`,
      `insert into ${table} (${columns})
      select ${columns} from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
      [JSON.stringify(rows.slice(at, at + rowsPerStatement))],
    )
  }
}

export const bytes = (value: Uint8Array) => `\\x${Buffer.from(value).toString('hex')}`

/**
 * Keeps the workers of a running service from linking the audit record, until it is closed: they
 * wait, and continue afterwards.
 */
export async function pauseAuditChain(url: string, schema: string): Promise<() => Promise<void>> {
  const client = new SessionClient({ connectionString: url, schema })
  await client.connect()
  await client.query('begin')
  await client.query('lock table audit_chains in exclusive mode')
  return async () => {
    await client.query('commit')
    await client.end()
  }
}
