// The statements sent to the database, and their plans.

import pg from 'pg'
import type { Database, Queries } from '../../src/platform/postgres/database.ts'
import { planSettings } from '../../src/platform/postgres/plan-settings.ts'

/** A sent statement. */
export type SentStatement = {
  readonly name: string
  readonly text: string
  readonly values: readonly unknown[]
}

/** The database, recording the hand-written SQL statements. */
export function recordStatements(database: Database): {
  database: Database
  sent: SentStatement[]
} {
  const sentStatements: SentStatement[] = []
  const keep = (name: string, text: string, values: readonly unknown[]) => {
    sentStatements.push({ name, text, values })
  }
  const recording = (queries: Queries): Queries => ({
    query: (name, text, values) => {
      keep(name, text, values)
      return queries.query(name, text, values)
    },
  })
  return {
    sent: sentStatements,
    database: {
      ...database,
      ...recording(database),
      reserved: recording(database.reserved),
      transaction: (work) => database.transaction((tx) => work(recording(tx))),
    },
  }
}

/** A node of a plan, as far as the tests read it. */
export type Plan = {
  readonly 'Node Type': string
  /** Of the root of a common table expression: `CTE name`. */
  readonly 'Subplan Name'?: string
  /** Which one is read. */
  readonly 'CTE Name'?: string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly 'Recheck Cond'?: string
  readonly Filter?: string
  readonly 'Actual Rows'?: number
  readonly 'Actual Loops'?: number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly Plan[]
}

/** The node and all below it. */
export function* nodesOf(plan: Plan): Generator<Plan> {
  yield plan
  for (const below of plan.Plans ?? []) yield* nodesOf(below)
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (value instanceof Date) return pg.escapeLiteral(value.toISOString())
  if (value instanceof Uint8Array) return `'\\x${Buffer.from(value).toString('hex')}'`
  if (Array.isArray(value)) {
    const type = value.length > 0 && value.every(Number.isInteger) ? 'int' : 'text'
    return `array[${value.map(literal).join(',')}]::${type}[]`
  }
  return pg.escapeLiteral(String(value))
}

const settings = Object.entries(planSettings)
  .map(([name, value]) => `set ${name} = ${value}`)
  .join('; ')

/**
 * The plan that the service would use: made once for all values. With values it is also executed.
 */
export async function planOf(
  client: pg.Client,
  text: string,
  values?: readonly unknown[],
): Promise<Plan> {
  await client.query(settings)
  await client.query('deallocate all')
  await client.query(`prepare it as ${text}`)
  return explainIt(client, 'it', values)
}

/** Prepares the statements, as a pool does once for all; tells the plan of one that is kept. */
export async function prepareAll(
  client: pg.Client,
  texts: ReadonlyMap<string, string>,
): Promise<(name: string) => Promise<Plan>> {
  await client.query(settings)
  for (const [name, text] of texts) {
    await client.query(`prepare ${name} as ${text}`)
    await explainIt(client, name)
  }
  return (name) => explainIt(client, name)
}

/** The stored plan of a statement prepared under this name. */
async function explainIt(
  client: pg.Client,
  name: string,
  values?: readonly unknown[],
): Promise<Plan> {
  const { rows } = await client.query<{ count: number }>(
    `select cardinality(parameter_types) as count from pg_prepared_statements where name = $1`,
    [name],
  )
  const nulls = Array.from({ length: rows[0]?.count ?? 0 }, () => 'null')
  const literals = (values?.map(literal) ?? nulls).join(', ')
  const how = values ? 'analyze, timing off, format json' : 'format json'
  const explanation = await client.query(
    `explain (${how}) execute ${name}${literals && `(${literals})`}`,
  )
  return explanation.rows[0]['QUERY PLAN'][0].Plan as Plan
}
