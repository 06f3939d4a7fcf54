import pg from 'pg'

/**
 * How columns of hand-written SQL become values, in this one place: int8 a number (counts and sizes; one that a number
 * cannot hold exactly is an error, never a rounded value), timestamptz a Date, date and numeric text, bytea a Buffer.
 * Prisma's queries on the same pool keep their own reading.
 */
export const columnTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    (format === 'binary' ? undefined : parsers.get(oid)) ??
    pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
}

const int8Array = 1016
const { INT8, DATE, TIMESTAMP } = pg.types.builtins
const parseArray: (text: string) => (string | null)[] = pg.types.getTypeParser(
  int8Array as number as typeof INT8,
)

const parsers = new Map<number, (text: string) => unknown>([
  [INT8, toInteger],
  [int8Array, (text) => parseArray(text).map((each) => (each === null ? null : toInteger(each)))],
  [DATE, (text) => text],
  // pg would read it in the time zone of this machine.
  [TIMESTAMP, (text) => new Date(`${text.replace(' ', 'T')}Z`)],
])

function toInteger(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value
  throw new RangeError(`The int8 ${text} does not fit a number: select it as text`)
}
