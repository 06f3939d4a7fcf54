import pg from 'pg'

/**
 * How columns of hand-written SQL become values, in this one place: int8 a number (counts and
 * sizes; one that a number cannot hold exactly is an error, never a rounded value), timestamptz a
 * Date, date and numeric text, bytea a Buffer. A time that cannot be read is an error: pg's own
 * parser returns null for it, and a null end means "never".
 */
export const columnTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    (format === 'binary' ? undefined : parsers.get(oid)) ??
    pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
}

/**
 * Guards the parsers that Prisma sets on the same pool: they drop the time zone, whatever it is,
 * and treat the rest as UTC. A time not written as UTC is an error, never another time.
 */
export function rejectShiftedTimes(types: pg.CustomTypesConfig): pg.CustomTypesConfig {
  const getTypeParser = (oid: number, format?: 'text' | 'binary') => {
    const read = types.getTypeParser(oid, format as 'text') as (text: string) => unknown
    const isFit = timesOfPrisma.get(oid)
    if (!isFit) return read
    return (text: string) => (isFit(text) ? read(text) : unreadable(text))
  }
  return { getTypeParser: getTypeParser as typeof pg.types.getTypeParser }
}

const int8Array = 1016
const timestampArray = 1115
const timestamptzArray = 1185
const { INT8, DATE, TIMESTAMP, TIMESTAMPTZ } = pg.types.builtins
const parseArray: (text: string) => (string | null)[] = pg.types.getTypeParser(
  int8Array as number as typeof INT8,
)
const arrayOf = (read: (text: string) => unknown) => (text: string) =>
  parseArray(text).map((each) => (each === null ? null : read(each)))

const parsers = new Map<number, (text: string) => unknown>([
  [INT8, toInteger],
  [int8Array, arrayOf(toInteger)],
  [DATE, (text) => (isoDate.test(text) ? text : unreadable(text))],
  [TIMESTAMP, toTime],
  [timestampArray, arrayOf(toTime)],
  [TIMESTAMPTZ, toInstant],
  [timestamptzArray, arrayOf(toInstant)],
])

const isoDate = /^\d{4,6}-\d\d-\d\d$/
const isoTime = /^(\d{4,6})(-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)$/
const isoInstant = /^(\d{4,6})(-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)([+-]\d\d)(:\d\d)?$/
const isoUtc = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00$/

const timesOfPrisma = new Map<number, (text: string) => boolean>([
  [TIMESTAMP, (text) => isoTime.test(text)],
  [TIMESTAMPTZ, (text) => isoUtc.test(text)],
  [timestampArray, (text) => parseArray(text).every((each) => each === null || isoTime.test(each))],
  [
    timestamptzArray,
    (text) => parseArray(text).every((each) => each === null || isoUtc.test(each)),
  ],
])

/** In UTC, as all times here; pg would read it in the time zone of this machine. */
function toTime(text: string): Date {
  const [, year = '', day = '', time = ''] = isoTime.exec(text) ?? []
  return toDate(text, year, `${day}T${time}Z`)
}

function toInstant(text: string): Date {
  const [, year = '', day = '', time = '', hours = '', minutes = ':00'] =
    isoInstant.exec(text) ?? []
  return toDate(text, year, `${day}T${time}${hours}${minutes}`)
}

function toDate(text: string, year: string, rest: string): Date {
  // ECMAScript, 21.4.1.32.1: years beyond four digits have six and a sign.
  const date = new Date((year.length === 4 ? year : `+${year.padStart(6, '0')}`) + rest)
  return Number.isNaN(date.getTime()) ? unreadable(text) : date
}

const jsonInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/**
 * A time that came as JSON, which PostgreSQL writes in ISO style and with its zone under any
 * setting.
 */
export function readTime(text: string): Date {
  return jsonInstant.test(text) ? new Date(text) : unreadable(text)
}

function unreadable(text: string): never {
  throw new RangeError(`The time ${text} cannot be read: DateStyle must be ISO and TimeZone UTC`)
}

function toInteger(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value
  throw new RangeError(`The int8 ${text} does not fit a number: select it as text`)
}

/** A time that came as JSON. */
export const readTimeOrNull = (text: string | null) => (text === null ? null : readTime(text))
