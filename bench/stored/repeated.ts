// How a row of a pattern is repeated: as an SQL expression for each column.

import pg from 'pg'
import type { PatternColumn, PatternRow } from './pattern.ts'

/** A value that each repetition has another one for, wherever it occurs in the pattern. */
export type Renamed = {
  readonly text: string
  /** The column of the batch that holds the other one. */
  readonly column: string
  /** How it is made: SQL over `n`, `ms` (the time of the repetition) and `name`. */
  readonly made: string
}

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
/** Of a TypeID: what says its time, in milliseconds. */
const timeCharacters = 10

/** A function of this connection: the first characters of a TypeID of that time. */
export const sortable = `create or replace function pg_temp.sortable(ms bigint) returns text
  language sql immutable as $$ select ${Array.from(
    { length: timeCharacters },
    (_, n) => `substr('${alphabet}', (ms >> ${5 * (timeCharacters - 1 - n)} & 31)::int + 1, 1)`,
  ).join(' || ')} $$`

/** Ids and random texts that belong to the rows themselves, in the order of the rows. */
export function renamedIn(rows: readonly PatternRow[], startMs: number, prefix: string): Renamed[] {
  const texts = rows.flatMap(({ table, columns }) =>
    columns.flatMap(({ name, text }) => (text !== null && isOwn(table, name) ? [text] : [])),
  )
  return [...new Set(texts)].map((text, index) => {
    const column = `${prefix}${index}`
    return { text, column, made: madeLike(text, column, startMs) }
  })
}

const ownTexts: Readonly<Record<string, readonly string[]>> = {
  challenges: ['id', 'result_jti'],
  answers: ['jti'],
  device_keys: ['kid'],
  user_identifiers: ['value'],
}

function isOwn(table: string, column: string): boolean {
  return (ownTexts[table] ?? ['id']).includes(column)
}

function madeLike(text: string, column: string, startMs: number): string {
  const random = `md5(n || '${column}')`
  const [, kind, time] = /^([a-z]{3}_)([0-9a-z]{10})[0-9a-z]{16}$/.exec(text) ?? []
  if (kind && time) {
    const ms = [...time].reduce((sum, letter) => sum * 32 + alphabet.indexOf(letter), 0)
    // The bits of version and variant make it an id that the service accepts.
    return (
      `'${kind}' || pg_temp.sortable(ms + ${ms - startMs}) || 'e' || left(${random}, 2) || 'b' ` +
      `|| substr(${random}, 3, 12)`
    )
  }
  return text.length < 20 ? `'user-' || n` : `left(${random} || md5(${random}), ${text.length})`
}

/** Inserts a row like this one for each row of the temporary table `batch`. */
export function insertLike({ table, columns }: PatternRow, names: readonly Renamed[]): string {
  const list = columns.map(({ name }) => name).join(', ')
  const values = columns.map((column) => valueLike(column, names)).join(', ')
  return `insert into ${table} (${list}) select ${values} from batch`
}

function valueLike({ type, text }: PatternColumn, names: readonly Renamed[]): string {
  if (text === null) return 'null'
  if (type === 'timestamp with time zone') return `${pg.escapeLiteral(text)}::${type} + shift`
  if (type === 'bytea' && text.length >= 34) {
    return `overlay(${pg.escapeLiteral(text)}::bytea placing decode(mark, 'hex') from 1 for 16)`
  }
  return `(${partsOf(text, names).join(' || ')})::${type}`
}

function partsOf(text: string, names: readonly Renamed[]): string[] {
  const own = names.find((one) => text.includes(one.text))
  if (!own) return [pg.escapeLiteral(text)]
  const [before = '', ...after] = text.split(own.text)
  return [
    ...partsOf(before, names),
    ...after.flatMap((part) => [own.column, ...partsOf(part, names)]),
  ]
}
