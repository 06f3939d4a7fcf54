import { globSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  run,
  type Statement,
  statement,
  statements,
} from '../../../src/platform/postgres/statement.ts'
import { createTestDatabase } from '../../support/database.ts'
import { type Description, describeStatement } from '../../support/describe-statement.ts'
import { type Kinds, type TypedStatement, typedStatements } from '../../support/statement-types.ts'

const folder = 'src'

/** The kind of a value of a PostgreSQL type; a type that is not listed fits nothing. */
const kindOfType: Readonly<Record<number, string>> = {
  [pg.types.builtins.BOOL]: 'boolean',
  [pg.types.builtins.INT2]: 'number',
  [pg.types.builtins.INT4]: 'number',
  [pg.types.builtins.INT8]: 'number',
  [pg.types.builtins.FLOAT4]: 'number',
  [pg.types.builtins.FLOAT8]: 'number',
  [pg.types.builtins.TEXT]: 'string',
  [pg.types.builtins.VARCHAR]: 'string',
  [pg.types.builtins.TIMESTAMPTZ]: 'Date',
  [pg.types.builtins.TIMESTAMP]: 'Date',
  [pg.types.builtins.BYTEA]: 'bytes',
  [pg.types.builtins.JSON]: 'json',
  [pg.types.builtins.JSONB]: 'json',
}
const arrayTypes = new Set([
  1000, 1001, 1005, 1007, 1009, 1015, 1016, 1021, 1022, 1115, 1185, 199, 3807,
])
const jsonKinds = ['json', 'array', 'string', 'number', 'boolean']

function kindOf(type: number): string {
  return arrayTypes.has(type) ? 'array' : (kindOfType[type] ?? `type ${type}`)
}

function fits(kind: string, kinds: Kinds): boolean {
  if (kinds.has('any')) return true
  return kind === 'json' ? jsonKinds.some((one) => kinds.has(one)) : kinds.has(kind)
}

/** JSON goes to the server as text; a null alone fits every parameter. */
function canBeGiven(kind: string, kinds: Kinds): boolean {
  const isNullAlone = kinds.size === 1 && kinds.has('null')
  return isNullAlone || fits(kind, kinds) || (kind === 'json' && kinds.has('string'))
}

/** Columns that may be null in their table and never are in this result, with the reason. */
const neverNull: Readonly<Record<string, string>> = {
  'find_unsigned.through': 'where linked_through is not null',
  'fan_out_webhooks.secretSealed': 'only a deleted endpoint has none',
  'find_plain_answers.jws': 'its condition asks for it',
  'find_portal_session.expiresAt': 'its condition asks for an end in the future',
  'find_unused_first_key.at': 'written together with first_key_id',
  'find_unused_first_key.by': 'written together with first_key_id',
  'limit_integration_secrets.endsAt': 'the earlier of its end and a time',
  'suspend_user.at': 'written by this statement',
  'take_keycloak_callbacks.firstTriedAt': 'written by this statement',
  'take_keycloak_callbacks.tokenSealed': 'its condition asks for a token',
  'use_single_use_code.at': 'written by this statement',
}

const camelCase = (column: string) =>
  column.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

let client: pg.Client
let nullable: ReadonlySet<string>
let typedDefinitions: readonly TypedStatement[]
let ours: readonly Statement<never, object>[]
let close: () => Promise<void>

beforeAll(async () => {
  for (const file of globSync(['src/**/*.sql.ts', 'src/platform/postgres/*.ts'])) {
    await import(path.resolve(file))
  }
  ours = [...statements.values()]
  typedDefinitions = typedStatements(folder)
  const database = await createTestDatabase()
  client = new pg.Client(database.url)
  await client.connect()
  const { rows } = await client.query<{ key: string }>(
    `select attrelid || '.' || attnum as key from pg_attribute where attnum > 0 and not attnotnull`,
  )
  nullable = new Set(rows.map(({ key }) => key))
  close = async () => {
    await client.end()
    await database[Symbol.asyncDispose]()
  }
})
afterAll(() => close())

function parameterFaults(
  { parameters }: Statement<never, object>,
  { params }: TypedStatement,
  description: Description,
): string[] {
  const faults = [...params.keys()]
    .filter((name) => !parameters.includes(name as never))
    .map((name) => `the type has ${name}, the text has not`)
  for (const [index, name] of parameters.entries()) {
    const kinds = params.get(name)
    const kind = kindOf(description.parameters[index] ?? 0)
    if (!kinds) faults.push(`the text has :${name}, the type has not`)
    else if (!canBeGiven(kind, kinds)) faults.push(`:${name} is ${kind}, not ${[...kinds]}`)
  }
  return faults
}

function rowFaults(
  statementName: string,
  { row }: TypedStatement,
  { columns }: Description,
): string[] {
  const byName = new Map(columns.map((column) => [camelCase(column.name), column]))
  const faults = [...byName.keys()]
    .filter((name) => !row.has(name))
    .map((name) => `${name} is fetched and not read`)
  for (const [name, kinds] of row) {
    const column = byName.get(name)
    if (!column) {
      faults.push(`${name} is read and not fetched`)
      continue
    }
    const kind = kindOf(column.type)
    const isGuarded = `${statementName}.${name}` in neverNull
    const mayBeNull = nullable.has(`${column.table}.${column.column}`) && !isGuarded
    if (!fits(kind, kinds)) faults.push(`${name} is ${kind}, not ${[...kinds]}`)
    else if (mayBeNull && !kinds.has('null') && !kinds.has('any'))
      faults.push(`${name} may be null`)
  }
  return faults
}

/** The columns of a fetch are described only while its cursor is open. */
async function describeWithCursor(text: string): Promise<Description> {
  await client.query('begin')
  try {
    const { text: declareCursor = '' } = statements.get('export_users') ?? {}
    await client.query(declareCursor, [[], '', ''])
    return await describeStatement(client, text)
  } finally {
    await client.query('rollback')
  }
}

test('every statement has the parameters and rows that its types say, by PostgreSQL’s own word', async () => {
  const faults: string[] = []
  for (const one of ours) {
    const { name } = one
    const type = typedDefinitions.find(({ names }) => names.test(name))
    if (!type) {
      faults.push(`${name}: not defined under ${folder}`)
      continue
    }
    const description = await describeWithCursor(one.text)
    const all = [...parameterFaults(one, type, description), ...rowFaults(name, type, description)]
    faults.push(...all.map((fault) => `${type.place} ${name}: ${fault}`))
  }
  expect(faults).toEqual([])
  expect(ours.length).toBeGreaterThanOrEqual(typedDefinitions.length)
})

test('every column that is said to be never null is one of a statement', () => {
  const names = new Set(ours.map(({ name }) => name))
  const unknown = Object.keys(neverNull).filter((key) => !names.has(key.split('.')[0] ?? ''))
  expect(unknown).toEqual([])
})

test('a parameter that stands twice is sent once, and casts, texts and comments are no parameters', async () => {
  const one = statement<{ a: string; other: number }, { sum: string }>(
    'test_parameters',
    `select :a::text || ':b' || :a -- not :c
       || (:other::int + 1)::text as sum, ':it''s' as "not:this"`,
  )
  expect(one.parameters).toEqual(['a', 'other'])
  const [row] = await run(
    { query: async (_name, text, values) => (await client.query(text, [...values])).rows },
    one,
    { a: 'x', other: 1 },
  )
  expect(row).toEqual({ sum: 'x:bx2', 'not:this': ":it's" })
})

test('one name belongs to one text', () => {
  statement<{ id: string }>('test_name', 'select :id')
  statement<{ id: string }>('test_name', 'select :id')
  expect(() => statement<{ id: string }>('test_name', 'select :id as id')).toThrow('test_name')
})

test('a parameter that was left out is a fault of the program, not a null', async () => {
  const one = statement<{ id: string }>('test_left_out', 'select :id')
  const query = () => Promise.resolve([])
  await expect(run({ query }, one, {} as { id: string })).rejects.toThrow('id')
})
