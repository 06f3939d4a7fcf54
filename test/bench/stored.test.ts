// A short real run on a small database: the rows that it is filled with, and the report. No times
// are guaranteed.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { canTellProcessTimes } from '../../bench/process-time.ts'
import { describeMachine } from '../../bench/report.ts'
import { measureStored, type StoredMeasurement } from '../../bench/stored/measure-stored.ts'
import { type PatternRow, readSignIn, readUser, textOf } from '../../bench/stored/pattern.ts'
import { prepareFill, untilAtRest } from '../../bench/stored/prepare.ts'
import { storedReportOf, storedTextOf } from '../../bench/stored/stored-report.ts'
import {
  enrollPeople,
  onDatabase,
  type StoredService,
  serverSettings,
} from '../../bench/stored/stored-service.ts'
import { pushServiceOf } from '../../simulator/push-service.ts'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/platform/postgres/embedded/embedded-postgres.ts'
import { migrate } from '../../src/platform/postgres/migrations.ts'
import { type Service, startService } from '../../src/service/compose.ts'
import { databaseUrl, onServer } from '../support/cluster.ts'
import { freePort } from '../support/ports.ts'
import { startTestSimulator, testConfig } from '../support/running-service.ts'

const options = {
  ...{ signIns: 60, users: 20, concurrency: 2, slices: 1, sliceSeconds: 0.1, quietSeconds: 0.1 },
  countedLoops: 2,
}
const log = pino({ level: 'silent' })

const running = new AsyncDisposableStack()
afterAll(() => running.disposeAsync())

/** A server that tells statements apart, with a database to clone; until the end of the file. */
async function startServer(): Promise<EmbeddedPostgres> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-stored-'))
  running.defer(() => rm(folder, { recursive: true, force: true }))
  const server = await startEmbeddedPostgres({ folder, settings: serverSettings, durable: false })
  running.defer(server.stop)
  await onServer(server.url, (client) => client.query('create database template_of_service'))
  await migrate(databaseUrl(server.url, 'template_of_service'), path.resolve('prisma/migrations'))
  return server
}

/** A service in this process, with a database of its own there, which lasts as long. */
async function openHere(server: EmbeddedPostgres, name: string): Promise<StoredService> {
  await onServer(server.url, (client) =>
    client.query(`create database ${name} template template_of_service strategy file_copy`),
  )
  const simulator = await startTestSimulator()
  running.defer(() => simulator.close())
  const url = databaseUrl(server.url, name)
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const config = testConfig(simulator, url, port, { role: 'api' })
  const service = await startService(config, origin, log)
  running.defer(service.stop)
  const { firstKey } = service
  if (!firstKey) throw new Error('a new database has no tenant')
  let worker: Service | undefined
  const stopWorker = async () => {
    await worker?.stop()
    worker = undefined
  }
  running.defer(stopWorker)
  const often = { purgeEveryMs: 50 }
  return {
    ...{ databaseUrl: url, origin, key: firstKey.secret, tenantId: firstKey.tenantId },
    pushes: pushServiceOf(simulator),
    processes: () => ({ service: process.pid, database: server.pid() }),
    async startWorker() {
      worker = await startService({ ...config, role: 'worker' }, origin, log, often)
    },
    stopWorker,
    [Symbol.asyncDispose]: async () => undefined,
  }
}

let services: readonly StoredService[] = []
let measurement: StoredMeasurement
const errors: unknown[] = []
beforeAll(async () => {
  if (!canTellProcessTimes()) return
  const server = await startServer()
  const open = async () => {
    const service = await openHere(server, `service_${services.length}`)
    services = [...services, service]
    return service
  }
  const onError = (error: unknown) => errors.push(error)
  const { signal: stopping } = new AbortController()
  measurement = await measureStored(options, open, { onError, stopping, tell: () => undefined })
}, 120_000)

/** What distinguishes a row that the service left from another one, and not from one like it. */
function shapeOf(rows: readonly PatternRow[]) {
  return rows.map(({ table, columns }) => ({
    table,
    ...Object.fromEntries(columns.map(({ name, type, text }) => [name, shapeOfText(type, text)])),
  }))
}

const id = /\b([a-z]{2,3})_[0-7][0-9a-hjkmnp-tv-z]{9}[ef][0-9a-hjkmnp-tv-z]{15}\b/g

function shapeOfText(type: string, text: string | null): string {
  if (text === null) return 'null'
  if (type.startsWith('timestamp')) return type
  if (type === 'bytea') return `${text.length}`
  const plain = text.replaceAll(id, '$1').replaceAll(/\b(bench|again|user)-\d+\b/g, 'name')
  if (plain.startsWith('{')) return keysOf(JSON.parse(plain))
  return /^[\w-]{22,}$/.test(plain) ? `${plain.length}` : plain
}

const keysOf = (value: unknown): string =>
  value !== null && typeof value === 'object'
    ? `{${Object.entries(value).map(([name, inner]) => `${name}:${keysOf(inner)}`)}}`
    : typeof value

test.runIf(canTellProcessTimes())(
  'a stored sign-in and its user have the rows that a played one has, column by column',
  async () => {
    expect(errors).toEqual([])
    const [, service] = services
    if (!service) throw new Error('no database is left empty')
    await service.stopWorker()
    const [person] = await enrollPeople(service, 1, 'again')
    if (!person) throw new Error('nobody was enrolled')
    await onDatabase(service, async (client) => {
      const fill = await prepareFill(service, client, [])
      await fill.addUsers(3)
      await fill.addSignIns(3, { from: 1, until: 0 })
      await person.signIn()
      person.close()
      await service.startWorker()
      await untilAtRest(client)
      const read = async (more: string) => {
        const { rows } = await client.query<{ id: string; userId: string }>(
          `select c.id, c.user_id as "userId" from challenges c where ${more}`,
        )
        const [{ id: challengeId = '', userId = '' } = {}] = rows
        return [...(await readSignIn(client, challengeId)), ...(await readUser(client, userId))]
      }
      const ofService = await read(`user_id = '${person.userId}'`)
      const ofFill = await read(`created_at < now() - interval '9 minutes'`)
      const ids = ['challenges', 'users', 'devices'].map((table) => textOf(ofService, table, 'id'))
      // Spent proofs are purged within minutes, and are not stored.
      expect(await tablesWith(client, ids)).toEqual(
        [...new Set(['device_proofs', ...ofService.map(({ table }) => table)])].toSorted(),
      )
      expect(shapeOf(ofFill)).toEqual(shapeOf(ofService))
    })
  },
)

test.runIf(canTellProcessTimes())('no stored row refers to one that is not there', async () => {
  for (const service of services) {
    await onDatabase(service, async (client) => {
      const { rows: keys } = await client.query<{ name: string; text: string }>(references)
      expect(keys.length).toBeGreaterThan(30)
      for (const { name, text } of keys) {
        expect([name, ...(await client.query(text)).rows]).toEqual([name, { lost: 0 }])
      }
    })
  }
})

/** The tables that have one of these ids in any column. */
async function tablesWith(client: pg.Client, ids: readonly string[]): Promise<string[]> {
  const { rows: tables } = await client.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'public' order by 1`,
  )
  const names: string[] = []
  for (const { name } of tables) {
    const { rowCount } = await client.query(`select from ${name} t where t::text ~ $1 limit 1`, [
      ids.join('|'),
    ])
    if (rowCount === 1) names.push(name)
  }
  return names
}

/** For each foreign key a query that counts the rows that break it. */
const references = `select k.conname as name, format('select count(*)::int as lost from %s a where %s
    and not exists (select from %s b where %s)', k.conrelid::regclass,
    string_agg(format('a.%I is not null', c.attname), ' and '), k.confrelid::regclass,
    string_agg(format('b.%I = a.%I', f.attname, c.attname), ' and ')) as text
  from pg_constraint k cross join unnest(k.conkey, k.confkey) as p(own, other)
  join pg_attribute c on c.attrelid = k.conrelid and c.attnum = p.own
  join pg_attribute f on f.attrelid = k.confrelid and f.attnum = p.other
  where k.contype = 'f' group by k.oid, k.conname, k.conrelid, k.confrelid`

test.runIf(canTellProcessTimes())(
  'the run reports each part, of the size that was asked for',
  () => {
    const report = storedReportOf(describeMachine(), options, measurement)
    expect(report).toMatchObject({
      ...{ signIns: 60, users: 20, turns: 1, few: { signIns: 60, users: 20 } },
      full: { errors: 0 },
      empty: { errors: 0 },
      ratio: { overall: expect.any(Number) },
    })
    const single = report.blocks.single.map(({ name }) => name)
    expect(single).toEqual(expect.arrayContaining(['insert_challenge', 'record_answer']))
    // The decision of each sign-in, and what happened to each user.
    expect(report.backlog.entries).toBeGreaterThanOrEqual(60 + 20)
    const rowsOf = (statement: string) =>
      report.retention.statements.find(({ name }) => name === statement)?.rows
    // Of 60 in 40 days, those that are older than 30 whole days; what happened to users is older.
    expect(rowsOf('purge_challenges')).toBeGreaterThanOrEqual(13)
    expect(rowsOf('purge_challenges')).toBeLessThanOrEqual(15)
    expect(rowsOf('purge_activities')).toBeGreaterThanOrEqual(2 * 13 + 20)
    expect(rowsOf('links_of_purged')).toBeGreaterThanOrEqual(13 + 20)
    expect(report.disk.bytesPerSignIn).toBeGreaterThan(1_000)
    expect(storedTextOf(report)).toContain('60 stored sign-ins of 20 users')
  },
)
