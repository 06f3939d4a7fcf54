import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rename, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { startEmbeddedPostgres } from '../../../src/platform/postgres/embedded/embedded-postgres.ts'
import {
  ask,
  isAlive,
  reachableFolder,
  start,
  startInChild,
  undo,
  undoAfterEach,
} from '../../support/embedded-postgres.ts'
import { until } from '../../support/until.ts'

undoAfterEach()

const folder = path.join(await reachableFolder(), 'database')
const pidFile = path.join(folder, 'cluster/data/postmaster.pid')

test('a restart finds the data again', async () => {
  const first = await start(folder)
  await ask(first.url, `create table kept as select 'ä' as word`)
  await first.stop()
  expect(isAlive(first.pid())).toBe(false)
  const second = await start(folder)
  expect(second.url).toBe(first.url)
  expect(await ask(second.url, 'select word from kept')).toEqual([{ word: 'ä' }])
})

test('only this user connects: a private password, a closed socket, no TCP', async () => {
  const { url } = await start(folder)
  const wrong = new URL(url)
  wrong.password = 'guessed'
  await expect(ask(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
  const [settings] = await ask(
    url,
    `select current_setting('listen_addresses') as tcp, current_setting('unix_socket_permissions')
      as mode,
       (select count(*)::int from pg_hba_file_rules where auth_method <> 'scram-sha-256') as weak`,
  )
  expect(settings).toEqual({ tcp: '', mode: '0700', weak: 0 })
  expect((await stat(path.join(folder, 'cluster/password'))).mode & 0o777).toBe(0o600)
  expect((await stat(path.join(folder, 'run'))).mode & 0o777).toBe(0o700)
})

test('data are safe against power loss unless a test gives that up', async () => {
  const server = await startEmbeddedPostgres({ folder, settings: { max_connections: '23' } })
  undo.push(server.stop)
  const [row] = await ask(
    server.url,
    `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
       current_setting('full_page_writes') as pages,
         current_setting('max_connections') as connections`,
  )
  expect(row).toEqual({ fsync: 'on', commit: 'on', pages: 'on', connections: '23' })
})

test('text sorts by code point in UTF-8, the same on every machine', async () => {
  const { url } = await start(folder)
  const [row] = await ask(
    url,
    `select datlocprovider as provider, datlocale as locale,
      pg_encoding_to_char(encoding) as encoding
       from pg_database where datname = current_database()`,
  )
  expect(row).toEqual({ provider: 'b', locale: 'C.UTF-8', encoding: 'UTF8' })
})

test('environment variables for another database do not affect this one', async () => {
  const foreign = {
    PGHOST: 'nowhere.invalid',
    PGPORT: '1',
    PGUSER: 'outsider',
    PGPASSWORD: 'wrong',
    PGDATABASE: 'elsewhere',
    PGSSLMODE: 'require',
    PGSSLNEGOTIATION: 'direct',
    PGOPTIONS: '-c datestyle=German -c search_path=nowhere',
    PGDATESTYLE: 'German',
    PGTZ: 'Asia/Kolkata',
    PGCLIENTENCODING: 'LATIN1',
    PGCLIENT_ENCODING: 'LATIN1',
    PGREPLICATION: 'database',
    PGBINARY: '1',
    PGDATA: '/nowhere',
    PGCONNECT_TIMEOUT: '1',
  }
  for (const [name, value] of Object.entries(foreign)) vi.stubEnv(name, value)
  undo.push(async () => vi.unstubAllEnvs())
  const { url } = await start(path.join(await reachableFolder(), 'own'))
  const [row] = await ask(
    url,
    `select current_user as who, current_database() as database,
      current_setting('datestyle') as dates,
       current_setting('timezone') as zone, current_setting('search_path') as path,
       current_setting('client_encoding') as encoding, 1 as one`,
  )
  expect(row).toEqual({
    who: 'countersign',
    database: 'postgres',
    dates: 'ISO, MDY',
    zone: 'UTC',
    path: '"$user", public',
    encoding: 'UTF8',
    one: 1,
  })
})

test('a killed process leaves no database behind, and the next one finds the data', async () => {
  const { child, pid, url } = await startInChild(folder)
  await ask(url, 'create table outlives as select 1 as one')
  child.kill('SIGKILL')
  await until('the orphaned server ends', () => !isAlive(pid))
  const next = await start(folder)
  expect(await ask(next.url, 'select one from outlives')).toEqual([{ one: 1 }])
})

test('Ctrl-C does not reach the database: its starting process decides when to stop', async () => {
  const { child, pid, url } = await startInChild(folder)
  const startedAt = `select pg_postmaster_start_time()::text as at`
  const before = await ask(url, startedAt)
  const interruption = once(child.stdout as Readable, 'data')
  process.kill(-Number(child.pid), 'SIGINT')
  await interruption
  expect(isAlive(pid)).toBe(true)
  expect(await ask(url, startedAt)).toEqual(before)
})

test('a pid file that names another process does not block the start', async () => {
  const first = await start(folder)
  const lines = (await readFile(pidFile, 'utf8')).split('\n')
  await first.stop()
  // PostgreSQL itself detects foreign processes of other users, not those of its own.
  const { uid, gid } = await stat(path.join(folder, 'cluster/data'))
  const outsider = spawn('sleep', ['60'], { uid, gid, cwd: '/' })
  undo.push(async () => outsider.kill())
  await writeFile(pidFile, [String(outsider.pid), ...lines.slice(1)].join('\n'))
  const second = await start(folder)
  expect(await ask(second.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('a pid file that a crash left empty does not block the start', async () => {
  await writeFile(pidFile, '')
  await utimes(pidFile, 0, 0)
  const server = await start(folder)
  expect(await ask(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('a second process uses the running server, and does not stop it', async () => {
  const owner = await startInChild(folder)
  const guest = await start(folder)
  expect([guest.pid(), guest.url]).toEqual([owner.pid, owner.url])
  await guest.stop()
  expect(isAlive(owner.pid)).toBe(true)
  expect(await ask(owner.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('when the server’s owner ends, another process takes over at the same address', async () => {
  const owner = await startInChild(folder)
  const guest = await start(folder)
  owner.child.kill('SIGKILL')
  await until('the server of the owner ends', () => !isAlive(owner.pid))
  await until('the guest runs a server of its own', () => guest.pid() !== owner.pid)
  expect(await ask(guest.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('a server that crashes is started again', async () => {
  const server = await start(folder)
  const before = server.pid()
  process.kill(before, 'SIGKILL')
  await until('another server runs', () => server.pid() !== before)
  expect(await ask(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('data of another PostgreSQL version are refused, not destroyed', async () => {
  const versionFile = path.join(folder, 'cluster/data/PG_VERSION')
  const version = await readFile(versionFile, 'utf8')
  await writeFile(versionFile, '9\n')
  await expect(start(folder)).rejects.toThrow('created by PostgreSQL 9')
  await writeFile(versionFile, version)
  const { url } = await start(folder)
  expect(await ask(url, 'select word from kept')).toEqual([{ word: 'ä' }])
})

test('a server that cannot start reports why', async () => {
  const neededFolder = path.join(folder, 'cluster/data/global')
  await rename(neededFolder, `${neededFolder}-away`)
  undo.push(() => rename(`${neededFolder}-away`, neededFolder))
  await expect(start(folder)).rejects.toThrow(/did not start .*global\/pg_control/)
})
