// Fills a database with users and sign-ins, by statements about sets of rows.

import type pg from 'pg'
import { filledTables, type PatternRow, readSignIn, readUser, textOf } from './pattern.ts'
import { insertLike, type Renamed, renamedIn, sortable } from './repeated.ts'

/** A user who signed in, and the sign-in: both are repeated. */
export type Model = { readonly userId: string; readonly challengeId: string }

/** A fill that may go on. */
export type Fill = {
  /** Adds as many users, each with a phone. */
  addUsers(count: number): Promise<void>
  /**
   * Adds as many sign-ins of random users, those that existed included, the last ones minutes ago.
   * They follow each other at even distances from `days` ago on.
   */
  addSignIns(count: number, days: { readonly from: number; readonly until: number }): Promise<void>
  /** How many rows of each table a sign-in leaves. */
  readonly rowsOfSignIn: ReadonlyMap<string, number>
  readonly rowsOfUser: ReadonlyMap<string, number>
}

const batchSize = 100_000
const dayMs = 24 * 60 * 60 * 1000
/** Before the first sign-in, and not so long ago that retention has anything to do by default. */
const enrolledDays = 88
/** Long ago enough that nothing about the sign-in is still going on. */
const restMs = 10 * 60 * 1000

/** Reads the model; `userIds` are of those who sign in while it is measured. */
export async function openFill(
  client: pg.Client,
  { userId, challengeId }: Model,
  userIds: readonly string[],
): Promise<Fill> {
  const user = await readUser(client, userId)
  const signIn = await readSignIn(client, challengeId)
  const userStart = timeOf(textOf(user, 'users', 'created_at'))
  const signInStart = timeOf(textOf(signIn, 'challenges', 'created_at'))
  const ofUser = renamedIn(user, userStart, 'u')
  const ofSignIn = renamedIn(signIn, signInStart, 's')
  await client.query(sortable)
  await client.query(
    `create temporary table stored_users (number bigint primary key,
      ${ofUser.map(({ column }) => `${column} text`).join(', ')})`,
  )
  for (const id of userIds) await addKnownUser(client, ofUser, user, await readUser(client, id))
  let users = userIds.length
  let signIns = 0

  async function addUsers(count: number): Promise<void> {
    for (const { first, last } of batchesOf(users, count)) {
      await inBatch(client, batchOfUsers(ofUser, userStart, first, last), async () => {
        const own = ofUser.map(({ column }) => column).join(', ')
        await client.query(`insert into stored_users (number, ${own}) select n, ${own} from batch`)
        for (const row of user) await client.query(insertLike(row, ofUser))
      })
    }
    users += count
    await client.query('analyze stored_users')
  }

  return {
    rowsOfSignIn: countOf(signIn),
    rowsOfUser: countOf(user),
    addUsers,
    async addSignIns(count, { from, until }) {
      const now = Date.now() - restMs
      const start = now - from * dayMs
      const stepMs = ((from - until) * dayMs) / count
      for (const { first, last } of batchesOf(signIns, count)) {
        const at = `(${start} + (n - ${signIns})::float8 * ${stepMs})::bigint`
        const batch = batchOfSignIns({ ofUser, ofSignIn, at, signInStart, users, first, last })
        await inBatch(client, batch, async () => {
          for (const row of signIn) await client.query(insertLike(row, [...ofSignIn, ...ofUser]))
        })
      }
      signIns += count
    },
  }
}

const timeOf = (text: string) => Date.parse(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'))

function countOf(rows: readonly PatternRow[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { table } of rows) counts.set(table, (counts.get(table) ?? 0) + 1)
  return counts
}

function* batchesOf(before: number, count: number) {
  for (let done = 0; done < count; done += batchSize) {
    const first = before + done + 1
    yield { first, last: before + Math.min(count, done + batchSize) }
  }
}

/** A user who exists: only what sign-ins refer to. */
async function addKnownUser(
  client: pg.Client,
  names: readonly Renamed[],
  model: readonly PatternRow[],
  rows: readonly PatternRow[],
): Promise<void> {
  const values = names.map(({ text }) => sameIn(model, rows, text))
  const columns = names.map(({ column }) => column).join(', ')
  const places = names.map((_, index) => `$${index + 1}::text`).join(', ')
  await client.query(
    `insert into stored_users (number, ${columns})
     select count(*) + 1, ${places} from stored_users`,
    values,
  )
}

/** What the other rows have where the model has this text as an id; null where they have no row. */
function sameIn(
  model: readonly PatternRow[],
  rows: readonly PatternRow[],
  text: string,
): string | null {
  const row = model.find(({ columns }) => columns.some((column) => column.text === text))
  const place = row?.columns.findIndex((column) => column.text === text) ?? -1
  const among = model.filter(({ table }) => table === row?.table)
  const other = rows.filter(({ table }) => table === row?.table)[row ? among.indexOf(row) : -1]
  return other?.columns[place]?.text ?? null
}

function batchOfUsers(
  names: readonly Renamed[],
  startMs: number,
  first: number,
  last: number,
): string {
  const columns = names.map(({ made, column }) => `${made} as ${column}`)
  const at = `(${Date.now() - enrolledDays * dayMs} + n::bigint * 100)`
  return `select n, md5('user' || n) as mark, ${shift(startMs)}, ${columns.join(', ')}
    from (select n, ${at} as ms from generate_series(${first}, ${last}) n) x`
}

function batchOfSignIns(batch: {
  readonly ofUser: readonly Renamed[]
  readonly ofSignIn: readonly Renamed[]
  readonly at: string
  readonly signInStart: number
  readonly users: number
  readonly first: number
  readonly last: number
}): string {
  const { ofUser, ofSignIn, at, signInStart, users, first, last } = batch
  const columns = [
    ...ofSignIn.map(({ made, column }) => `${made} as ${column}`),
    ...ofUser.map(({ column }) => `u.${column}`),
  ]
  return `select n, mark, ${shift(signInStart)}, ${columns.join(', ')}
    from (select n, mark, ${at} as ms, 1 + ('x' || left(mark, 8))::bit(32)::bigint % ${users} as who
      from (select n, md5('sign-in' || n) as mark from generate_series(${first}, ${last}) n) y) x
    join stored_users u on u.number = who`
}

const shift = (startMs: number) => `(ms - ${startMs}) * interval '1 millisecond' as shift`

/** In a transaction without triggers: there is nothing to notify of, and the keys are known. */
async function inBatch(client: pg.Client, batch: string, work: () => Promise<void>): Promise<void> {
  await client.query('begin; set local session_replication_role = replica')
  await client.query(`create temporary table batch on commit drop as ${batch}`)
  await work()
  await client.query('commit')
}

/**
 * Whether the server may update the statistics of the tables by itself. Either change has every
 * connection plan its statements anew.
 */
export async function setAutovacuum(client: pg.Client, isOn: boolean): Promise<void> {
  for (const table of filledTables) {
    const change = isOn ? 'reset (autovacuum_enabled)' : 'set (autovacuum_enabled = off)'
    await client.query(`alter table ${table} ${change}`)
  }
}

/** What autovacuum would have done for a database that grew to this size. */
export async function tidyUp(client: pg.Client): Promise<void> {
  await client.query(`vacuum (analyze) ${filledTables.join(', ')}`)
  await client.query('checkpoint')
}
