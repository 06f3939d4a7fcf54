import type pg from 'pg'

/** A CHECK constraint from a `/// check: <expression>` comment of the schema. */
export type Check = { readonly table: string; readonly expression: string }

/**
 * The constraints from the schema's comments in or directly above a model. An expression ends at
 * the first full stop or semicolon outside quotes; the rest is for the reader.
 */
export function checksOf(schema: string): Check[] {
  const models = schema.matchAll(/((?:^\/\/\/[^\n]*\n)*)^model (\w+) \{$(.*?)^\}$/gms)
  return [...models].flatMap(([, above = '', model = '', body = '']) => {
    const table = /@@map\("(\w+)"\)/.exec(body)?.[1] ?? model
    const comments = `${above}${body}`.matchAll(/^\s*\/\/\/ check: ((?:'[^']*'|[^'.;\n])+)/gm)
    return [...comments].map(([, text = '']) => ({ table, expression: text.trim() }))
  })
}

/**
 * The SQL that gives the database exactly these constraints; empty when it has them. PostgreSQL
 * itself compares them: each one is tried in a transaction that is rolled back.
 */
export async function differenceOfChecks(
  client: pg.Client,
  checks: readonly Check[],
): Promise<string> {
  const key = (table: string, definition: string) => `${table} ${definition}`
  const checksByTrial = new Map<string, Check>()
  for (const check of checks) {
    checksByTrial.set(key(check.table, await definitionOf(client, check)), check)
  }
  const names = new Set<string>()
  const statements: string[] = []
  for (const { table, name, definition } of await definitions(client)) {
    if (checksByTrial.delete(key(table, definition))) names.add(name)
    else statements.push(`ALTER TABLE "${table}" DROP CONSTRAINT "${name}";`)
  }
  for (const { table, expression } of checksByTrial.values()) {
    const name = freeName(`${table}_${/[a-z]\w*/.exec(expression)?.[0]}_check`, names)
    names.add(name)
    statements.push(addition(table, name, expression))
  }
  return statements.map((statement) => `${statement}\n`).join('')
}

/** Names as PostgreSQL gives them: with a number when the name is in use. */
function freeName(wish: string, takenNames: ReadonlySet<string>): string {
  let name = wish
  for (let count = 1; takenNames.has(name); count++) name = `${wish}${count}`
  return name
}

async function definitions(
  client: pg.Client,
): Promise<{ table: string; name: string; definition: string }[]> {
  const { rows } = await client.query(
    `select t.relname as table, c.conname as name, pg_get_constraintdef(c.oid) as definition
     from pg_constraint c join pg_class t on t.oid = c.conrelid
     where c.contype = 'c' and c.connamespace = current_schema()::regnamespace
     order by t.relname, c.conname`,
  )
  return rows
}

async function definitionOf(client: pg.Client, { table, expression }: Check): Promise<string> {
  const trial = 'check_on_trial'
  await client.query('begin')
  try {
    await client.query(addition(table, trial, expression))
    const definition = (await definitions(client)).find((each) => each.name === trial)
    return definition?.definition ?? ''
  } catch (cause) {
    throw new Error(`The comment "check: ${expression}" on ${table} is no valid constraint`, {
      cause,
    })
  } finally {
    await client.query('rollback')
  }
}

function addition(table: string, name: string, expression: string): string {
  return `ALTER TABLE "${table}" ADD CONSTRAINT "${name}" CHECK (${expression});`
}
