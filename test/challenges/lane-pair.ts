// Two databases with the same rows: one is written by single statements, the other in batches.

import pg from 'pg'
import type { Database, Queries } from '../../src/platform/postgres/database.ts'
import { buildLanes } from '../../src/platform/postgres/lane.ts'
import type { BatchReport } from '../../src/platform/postgres/lane-statements.ts'
import { buildSingleLanes, patientLimits } from '../support/lanes.ts'
import { lockWaiters, openStores, type Stores, type TestUser } from '../support/stores.ts'
import { until } from '../support/until.ts'
import { seedUsers } from './lane-users.ts'

/** Items of a round: each is sent by a connection of its own where they go singly. */
export const roundSize = 16
/** Transactions that may hold rows in a round. */
export const holdersMax = 6

/** One of the two databases. */
export type Side = {
  readonly stores: Stores
  readonly holders: readonly pg.Client[]
  readonly plain: pg.Client
}

export type Pair = AsyncDisposable & {
  readonly singly: Side
  readonly batched: Side
  /** The users, who have the same ids in three tenants. */
  readonly users: readonly TestUser[]
  /** Of the batches of `batched`, in order. */
  readonly reports: BatchReport[]
  /** While it is closed, a batch stands between its snapshot and its first lock. */
  readonly gate: { close(): Promise<void>; reached(): Promise<void>; open(): Promise<void> }
}

/** Changes the text of a batch statement, to see what the comparison notices. */
export type Sabotage = (name: string, text: string) => string

const batchStatements = ['insert_challenges', 'record_answers']
const momentStart = `select set_config('lock_timeout'`
const gateKey = 77
const gateStart = `select pg_advisory_xact_lock(${gateKey}), set_config('lock_timeout'`

/** A database that sends other texts for the batches of writes. */
export function withChangedBatches(database: Database, sabotage: Sabotage): Database {
  const change = ({ query }: Queries): Queries => ({
    query: (name, text, values) =>
      batchStatements.includes(name)
        ? query(name, sabotage(name, text), values)
        : query(name, text, values),
  })
  return { ...database, ...change(database), reserved: change(database.reserved) }
}

/** The batches of this database stop at the gate while `isClosed` says so. */
function withGate(database: Database, isClosed: () => boolean): Database {
  const gate = ({ query }: Queries): Queries => ({
    query: (name, text, values) => {
      if (!batchStatements.includes(name) || !isClosed()) return query(name, text, values)
      const gatedText = text.replace(momentStart, gateStart)
      if (gatedText === text) throw new Error(`${name} has no moment to wait for a lock`)
      return query(`${name}_gated`, gatedText, values)
    },
  })
  return { ...database, ...gate(database), reserved: gate(database.reserved) }
}

async function openSide(stores: Stores): Promise<Side> {
  const connect = async () => {
    const client = new pg.Client({ connectionString: stores.url })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
  const holders = await Promise.all(Array.from({ length: holdersMax }, connect))
  return { stores, holders, plain: await connect() }
}

async function closeSide({ stores, holders, plain }: Side): Promise<void> {
  await Promise.all([...holders, plain].map((client) => client.end()))
  await stores.close()
}

/** Opens them with so many users in each tenant. */
export async function openPair(
  usersPerTenant: number,
  sabotage: Sabotage = (_, text) => text,
): Promise<Pair> {
  const reports: BatchReport[] = []
  let isClosed = false
  const lanes = buildLanes({
    ...patientLimits,
    itemsMax: 2 * roundSize,
    weightMax: 1_000,
    inFlightMax: 1,
    // One after the other, in the order in which the comparison expects them.
    slowMax: 1,
  })
  lanes.listen((report) => reports.push(report))
  const singleStores = await openStores(2 * roundSize, undefined, buildSingleLanes())
  const batchStores = await openStores(
    4,
    (database) =>
      withChangedBatches(
        withGate(database, () => isClosed),
        sabotage,
      ),
    lanes,
  )
  const users = await seedUsers(singleStores, usersPerTenant)
  const [singly, batched] = [await openSide(singleStores), await openSide(batchStores)]
  await copyRows(singly.plain, batched.plain)
  const gate = {
    async close() {
      await batched.plain.query('select pg_advisory_lock($1)', [gateKey])
      isClosed = true
    },
    async reached() {
      await until('the batch is at the gate', async () => (await lockWaiters(batchStores)) > 0)
    },
    async open() {
      await batched.plain.query('select pg_advisory_unlock($1)', [gateKey])
      isClosed = false
    },
  }
  const close = async () => {
    await Promise.all([closeSide(singly), closeSide(batched)])
  }
  return { singly, batched, users, reports, gate, [Symbol.asyncDispose]: close }
}

const copiedTables = [
  ...['tenants', 'signing_keys', 'relying_parties', 'users', 'user_identifiers'],
  ...['user_protections', 'enrollments', 'devices', 'device_keys', 'passcode_secrets'],
  'activities',
]

async function copyRows(from: pg.Client, to: pg.Client): Promise<void> {
  for (const table of copiedTables) {
    const { rows } = await from.query(
      `select coalesce(jsonb_agg(to_jsonb(x)), '[]')::text as all from ${table} x`,
    )
    await to.query(
      `insert into ${table} select * from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
      [rows[0].all],
    )
  }
}
