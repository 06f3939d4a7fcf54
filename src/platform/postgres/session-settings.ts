// What every connection sets for itself, so that no setting of a server, database, role or address
// changes what is read, decided or stored. docs/decisions/0021-sessions-set-what-they-rely-on.md

import pg from 'pg'
import { DatabaseFault } from './database-errors.ts'
import { planSettings } from './plan-settings.ts'

export type SessionConfig = pg.ClientConfig & {
  /** Where all tables are found and created. Default `public`. */
  readonly schema?: string
  /** Further settings of this connection, such as its timeouts. */
  readonly settings?: Readonly<Record<string, string>>
}

const fixedSettings: Readonly<Record<string, string>> = {
  // How values are written and read. Prisma writes times without a zone, and reads them as if they
  // were UTC.
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  // What a transaction sees and keeps. "Lock first, check after" needs to see what was committed
  // while it waited.
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  synchronous_commit: 'on',
  session_replication_role: 'origin',
  // A policy on a table that hides rows from us is an error, never a row that is not there.
  row_security: 'off',
  exit_on_error: 'off',
  check_function_bodies: 'on',
  // Hot statements are too short for compiled plans.
  jit: 'off',
  ...planSettings,
  // Limits that a server sets for sessions of people.
  lock_timeout: '0',
  statement_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  transaction_timeout: '0',
  client_min_messages: 'warning',
}

// Planner switches go back to what PostgreSQL is built with; costs and memory sizes stay the
// administrator's.
const isPlannerSwitch = `(starts_with(s.name, 'enable_')
  or s.name in ('geqo', 'join_collapse_limit', 'from_collapse_limit',
  'force_parallel_mode', 'debug_parallel_query'))`

/**
 * The one search path: our schema alone, so that nothing elsewhere under the same name is mistaken
 * for ours.
 */
const searchPath = (schema: string) => `${pg.escapeIdentifier(schema)}, pg_temp`

type WrongSetting = { readonly name: string; readonly setting: string; readonly target: string }

/**
 * Three statements in one round trip: set, and read back the settings that did not take effect.
 * Everything is set, even where the value is the same already: a changed configuration file does
 * not change what a session has set.
 */
function settingStatements(settings: Readonly<Record<string, string>>): string {
  const values = Object.entries(settings)
    .map((pair) => `(${pair.map((text) => pg.escapeLiteral(text)).join(', ')})`)
    .join(', ')
  const differences = `
    from (select s.name, s.setting, s.context, case
      when s.name = 'synchronous_commit' and s.setting <> 'off' then s.setting
      else coalesce(p.value, s.boot_val) end as target
    from pg_catalog.pg_settings s left join (values ${values}) as p(name, value) on p.name = s.name
    where p.name is not null or ${isPlannerSwitch}) w`
  // Prepared statements that a pooler left on its connection would be in the way of ours.
  return `set statement_timeout = 0; deallocate all;
    select pg_catalog.set_config(w.name, w.target, false) ${differences}
    where w.context = 'user' or pg_catalog.current_setting('is_superuser') = 'on';
    select w.name, w.setting, w.target ${differences} where w.setting <> w.target`
}

/** A connection lacks a setting that correctness depends on. It is never used. */
class SessionFault extends DatabaseFault {
  /**
   * SQLSTATE of a connection that was not established: while the service runs, a caller may retry.
   */
  readonly code = '08004'

  constructor({ name, setting, target }: WrongSetting) {
    super(
      `its setting ${name} is "${setting}", must be "${target}", and this role cannot set it: ` +
        `alter database or alter role ... reset ${name}`,
    )
  }
}

/**
 * A connection of pg that has its settings before its first statement, or fails to connect. Pools,
 * listeners, migrations and commands use no other.
 */
export class SessionClient extends pg.Client {
  readonly #statements: string
  readonly #connectMs: number

  constructor({ schema = 'public', settings = {}, ...config }: SessionConfig) {
    super(config)
    const own = { ...fixedSettings, ...settings, search_path: searchPath(schema) }
    this.#statements = settingStatements(own)
    this.#connectMs = config.connectionTimeoutMillis ?? 5_000
    // A connection that dies also fails the query in flight; without a listener it would end the
    // process.
    this.on('error', () => undefined)
  }

  override connect(): Promise<pg.Client>
  override connect(callback: (error: Error) => void): void
  override connect(callback?: (error: Error) => void): Promise<pg.Client> | undefined {
    const connection = this.#connect()
    if (!callback) return connection
    connection.then(() => (callback as (error?: Error) => void)(), callback)
    return undefined
  }

  async #connect(): Promise<pg.Client> {
    await super.connect()
    try {
      await this.#set()
    } catch (error) {
      this.end().catch(() => undefined)
      throw error
    }
    return this
  }

  async #set(): Promise<void> {
    const query = { text: this.#statements, query_timeout: this.#connectMs }
    // A text of several statements has a result for each.
    const results = (await this.query(query)) as unknown as readonly pg.QueryResult<WrongSetting>[]
    const [wrongSetting] = results.at(-1)?.rows ?? []
    if (wrongSetting) throw new SessionFault(wrongSetting)
  }
}
