// Whether a server, a database and a role are fit for the service: checked once, before anything is
// written.

import pg from 'pg'
import { DatabaseFault } from './database-errors.ts'
import { SessionClient, type SessionConfig } from './session-settings.ts'

/** The facts about a database that are checked before it is used. */
export type DatabaseFacts = {
  readonly version: number
  readonly encoding: string
  readonly readOnly: boolean
  readonly role: string
  readonly database: string
  readonly schemaExists: boolean
  /** Whether the role may create a schema in the database. */
  readonly mayMakeSchema: boolean
  readonly mayUse: boolean
}

const leastVersion = 15

const selectFacts = `
  select current_setting('server_version_num')::int / 10000 as version,
    current_setting('server_encoding') as encoding,
    pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as "readOnly",
    current_user::text as role, current_database()::text as database,
    n.oid is not null as "schemaExists",
    has_database_privilege(current_database(), 'create') as "mayMakeSchema",
    coalesce(has_schema_privilege(n.oid, 'usage'), true) as "mayUse"
  from (select) as one left join pg_namespace n on n.nspname = $1`

/**
 * Why the service cannot use this database, with what its administrator can do; undefined when it
 * can.
 */
export function faultOf(facts: DatabaseFacts, schema: string): string | undefined {
  const { version, encoding, readOnly, role, database } = facts
  const [quotedRole, quotedSchema] = [pg.escapeIdentifier(role), pg.escapeIdentifier(schema)]
  if (version < leastVersion) {
    return `it is PostgreSQL ${version}; ${leastVersion} or newer is needed`
  }
  if (encoding !== 'UTF8') {
    return (
      `the database ${database} is encoded as ${encoding}: make one with encoding 'UTF8' ` +
      "(create database ... encoding 'UTF8' template template0)"
    )
  }
  if (readOnly) {
    return `the database ${database} is read-only, as a standby is: name the primary server`
  }
  if (!facts.schemaExists && !facts.mayMakeSchema) {
    return (
      `there is no schema ${schema} (DATABASE_SCHEMA), and the role ${role} may not make it. ` +
      `As owner of the database run: create schema ${quotedSchema} authorization ${quotedRole}`
    )
  }
  if (!facts.mayUse) return missingRights(role, schema, 'use')
  return undefined
}

function missingRights(role: string, schema: string, what: string): string {
  const [to, on] = [pg.escapeIdentifier(role), pg.escapeIdentifier(schema)]
  return (
    `the role ${role} may not ${what} the schema ${schema}. As owner of the schema run: ` +
    `grant usage, create on schema ${on} to ${to}; ` +
    'or name a schema of its own with DATABASE_SCHEMA'
  )
}

/**
 * Creates the schema where it is missing. Throws `DatabaseFault` when the service cannot use this
 * database.
 */
export async function assertFit(
  client: SessionClient,
  { schema = 'public', ...config }: SessionConfig,
): Promise<void> {
  const { rows } = await client.query<DatabaseFacts>(selectFacts, [schema])
  const [facts] = rows
  if (!facts) throw new Error('the query returns one row')
  const fault = faultOf(facts, schema)
  if (fault !== undefined) throw new DatabaseFault(fault)
  await assertOwnServer(client, { ...config, schema })
  if (!facts.schemaExists) {
    await client.query(`create schema if not exists ${pg.escapeIdentifier(schema)}`)
  }
}

/** Throws `DatabaseFault` when the role may not create tables, which it need not once all exist. */
export async function assertMayCreateTables(client: pg.Client, schema: string): Promise<void> {
  const { rows } = await client.query<{ role: string; may: boolean }>(
    `select current_user::text as role, has_schema_privilege($1, 'create') as may`,
    [schema],
  )
  const [rights] = rows
  if (!rights?.may)
    throw new DatabaseFault(missingRights(rights?.role ?? '', schema, 'make tables in'))
}

// Poolers hand out the server connection that was used last, or one after another: few are idle
// when a service starts.
const holdersMax = 4

/**
 * Refuses a pooler that gives each transaction another server connection: settings, prepared
 * statements, session locks and notifications would belong to another client. Detected by keeping
 * transactions open on other connections until one of them gets, or takes away, the server
 * connection that answered us before.
 */
async function assertOwnServer(client: SessionClient, config: SessionConfig): Promise<void> {
  const pid = await backendOf(client)
  // PostgreSQL reports its own process at the start of a session; a pooler invents one.
  if ((client as unknown as { processID: number | null }).processID === pid) return
  const holders: SessionClient[] = []
  try {
    while (holders.length < holdersMax) {
      const holder = new SessionClient(config)
      holders.push(holder)
      // No other connection can be had, so ours is reserved for us.
      if (!(await holder.connect().catch(() => null))) return
      const beginResult = await holder.query('begin').catch(() => null)
      if (beginResult && (await backendOf(holder)) !== pid && (await backendOf(client)) === pid)
        continue
      throw new DatabaseFault(
        'it is reached through a pooler that shares connections between transactions: ' +
          'set pool_mode = session for this database in PgBouncer, or connect to PostgreSQL itself',
      )
    }
  } finally {
    await Promise.all(holders.map((holder) => holder.end().catch(() => undefined)))
  }
}

async function backendOf(client: SessionClient): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]?.pid
}
