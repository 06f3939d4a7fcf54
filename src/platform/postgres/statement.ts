import type { Queries } from './database.ts'

/**
 * A statement of ours: its name, which makes it a prepared statement, its text for PostgreSQL, and
 * the names of its parameters in the order of `$1`, `$2`, and so on. `Row` is what it returns; a
 * test has PostgreSQL describe every statement and compares both types with it.
 */
export type Statement<Params extends object, Row extends object = Record<never, never>> = {
  readonly name: string
  readonly text: string
  readonly parameters: readonly (keyof Params & string)[]
  /** Exists only for the compiler. */
  readonly row?: Row
}

const definedStatements = new Map<string, Statement<never, object>>()

/** Every statement that the loaded modules define, by name. */
export const statements: ReadonlyMap<string, Statement<never, object>> = definedStatements

// What PostgreSQL does not read as a parameter comes first: texts, quoted names, comments, casts.
const tokens = /'(?:[^']|'')*'|"[^"]*"|--[^\n]*|::|:([a-z][A-Za-z0-9]*)/g

/**
 * Defines a statement. In its text `:userId` is the parameter of that name, at every place where it
 * occurs; `::text` stays a cast. Throws when the name belongs to another text: a connection
 * that has prepared the one would run it for the other.
 */
export function statement<Params extends object, Row extends object = Record<never, never>>(
  name: string,
  text: string,
): Statement<Params, Row> {
  const parameters: (keyof Params & string)[] = []
  const compiledText = text.replace(tokens, (token, parameter?: keyof Params & string) => {
    if (parameter === undefined) return token
    const index = parameters.indexOf(parameter)
    return `$${index === -1 ? parameters.push(parameter) : index + 1}`
  })
  const other = definedStatements.get(name)
  if (other && other.text !== compiledText) throw new Error(`two statements are called ${name}`)
  const definition = { name, text: compiledText, parameters }
  definedStatements.set(name, definition as unknown as Statement<never, object>)
  return definition
}

/** A column and the property that it is read as. */
type Column = readonly [column: string, property: string]

const columnsOf = new WeakMap<object, readonly Column[]>()

const camelCase = (column: string) =>
  column.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** The columns of a statement, which its text decides: those of its first row stay. */
function columnsIn(definition: object, row: object): readonly Column[] {
  const earlier = columnsOf.get(definition)
  if (earlier) return earlier
  const columns: Column[] = Object.keys(row).map((column) => [column, camelCase(column)])
  columnsOf.set(definition, columns)
  return columns
}

/** Rows with their columns in camelCase: `user_id` is read as `userId`. Values stay as they are. */
function toCamelCase<Row extends object>(
  definition: object,
  rows: readonly Readonly<Record<string, unknown>>[],
): Row[] {
  const [first] = rows
  if (!first) return []
  const columns = columnsIn(definition, first)
  return rows.map((row) => {
    const camel: Record<string, unknown> = {}
    for (const [column, property] of columns) camel[property] = row[column]
    return camel as Row
  })
}

/**
 * Runs a statement in one round trip. Every parameter must be there: one that is missing or
 * undefined throws, because PostgreSQL would read it as null.
 */
export async function run<Params extends object, Row extends object>(
  queries: Pick<Queries, 'query'>,
  definition: Statement<Params, Row>,
  params: Params,
): Promise<Row[]> {
  const { name, text, parameters } = definition
  const values = parameters.map((parameter) => {
    const value = params[parameter]
    if (value === undefined) throw new Error(`${name} was not given ${parameter}`)
    return value
  })
  const { tenantId } = params as { readonly tenantId?: unknown }
  const owner = typeof tenantId === 'string' ? tenantId : undefined
  const rows = await queries.query(name, text, values, owner)
  return toCamelCase(definition, rows)
}

/**
 * The row of a statement that always returns one: an insert, an aggregate, a change of a row that
 * is locked. Throws when there is none.
 */
export async function runOne<Params extends object, Row extends object>(
  queries: Pick<Queries, 'query'>,
  one: Statement<Params, Row>,
  params: Params,
): Promise<Row> {
  const [row] = await run(queries, one, params)
  if (!row) throw new Error(`${one.name} returned no row`)
  return row
}
