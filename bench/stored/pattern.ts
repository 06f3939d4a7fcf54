// A sign-in that was played, and its user, as rows: what a filled database is a repetition of.

import type pg from 'pg'

export type PatternColumn = {
  readonly name: string
  readonly type: string
  /** As PostgreSQL writes it; null is null. */
  readonly text: string | null
}

/** One row of a pattern. */
export type PatternRow = { readonly table: string; readonly columns: readonly PatternColumn[] }

/** Where the rows of a pattern are, given an id; in the order of their foreign keys. */
type Places = readonly (readonly [table: string, condition: string])[]

const ofUser = 'user_id = $1'
const ofDevice = 'device_id in (select id from devices where user_id = $1)'

const userPlaces: Places = [
  ['users', 'id = $1'],
  ['user_identifiers', ofUser],
  ['user_protections', ofUser],
  ['initiators', ofUser],
  ['activity_push_budgets', ofUser],
  ['enrollments', ofUser],
  ['devices', ofUser],
  ['device_keys', ofDevice],
  ['passcode_secrets', ofDevice],
  ['activities', `${ofUser} and challenge_id is null`],
  ['deliveries', `${ofDevice} and challenge_id is null`],
]

// Spent proofs are purged within minutes, and links of the audit chain are added by the service.
const signInPlaces: Places = [
  ['challenges', 'id = $1'],
  ['challenge_targets', 'challenge_id = $1'],
  ['answers', 'challenge_id = $1'],
  ['activities', 'challenge_id = $1'],
  ['deliveries', 'challenge_id = $1'],
]

/** Tables that the fill writes to. */
export const filledTables: readonly string[] = [
  ...new Set([...userPlaces, ...signInPlaces].map(([table]) => table)),
]

/** The rows of a user and of its phone, without those of sign-ins. */
export const readUser = (client: pg.Client, userId: string) => readRows(client, userPlaces, userId)

/** The rows of one sign-in. */
export const readSignIn = (client: pg.Client, challengeId: string) =>
  readRows(client, signInPlaces, challengeId)

async function readRows(client: pg.Client, places: Places, id: string): Promise<PatternRow[]> {
  const all: PatternRow[] = []
  for (const [table, condition] of places) {
    const columns = await columnsOf(client, table)
    const list = columns.map(({ name }) => `${name}::text`).join(', ')
    const { rows } = await client.query<Record<string, string | null>>(
      `select ${list} from ${table} where ${condition} order by 2, 3`,
      [id],
    )
    for (const row of rows) {
      const withText = columns.map((column) => ({ ...column, text: row[column.name] ?? null }))
      all.push({ table, columns: withText })
    }
  }
  return all
}

async function columnsOf(client: pg.Client, table: string) {
  const { rows } = await client.query<{ name: string; type: string }>(
    `select attname::text as name, format_type(atttypid, null) as type from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
    [table],
  )
  return rows
}

/** The value of a column of the first such row. Throws when there is none. */
export function textOf(rows: readonly PatternRow[], table: string, column: string): string {
  const row = rows.find((one) => one.table === table)
  const text = row?.columns.find(({ name }) => name === column)?.text
  if (text === undefined || text === null) throw new Error(`no ${column} in ${table}`)
  return text
}
