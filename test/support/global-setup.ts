import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rm, statfs, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../src/platform/postgres/embedded/embedded-postgres.ts'
import { migrate } from '../../src/platform/postgres/migrations.ts'
import { databaseUrl, onServer, type TestCluster } from './cluster.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers with the `TestCluster`, and starts it at the first request. */
    clusterUrl: string
  }
}

// Short: a socket's path has about a hundred bytes, and tests put folders in folders here.
const folderOfRun = /^cs-(\d+)-/
const neededBytes = 3 * 1024 ** 3

/**
 * One database server for the whole run, started when the first test file asks for it: that of
 * `DATABASE_URL`, otherwise an embedded one. Folders for temporary files are in memory, this
 * server's and those of the tests, when there is room. Vitest calls this once before all test
 * files, and its return value after them.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // For the workers and the programs that they start.
  process.env.NODE_COMPILE_CACHE ??= path.resolve('node_modules/.cache/test-programs')
  await using undo = new AsyncDisposableStack()
  const memory = await memoryFolder(undo)
  if (memory) process.env.TMPDIR = memory
  const stack = undo.use(new AsyncDisposableStack())
  let startPromise: Promise<TestCluster> | undefined
  const secretPath = `/${randomBytes(16).toString('hex')}`
  const server = createServer((request, response) => {
    if (request.url !== secretPath) return void response.writeHead(404).end()
    startPromise ??= startCluster(stack)
    startPromise.then(
      (cluster) => response.end(JSON.stringify(cluster)),
      (error: unknown) => response.writeHead(500).end(`${error}`),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  undo.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  project.provide('clusterUrl', `http://127.0.0.1:${port}${secretPath}`)
  const cleanups = undo.move()
  return () => cleanups.disposeAsync()
}

async function startCluster(undo: AsyncDisposableStack): Promise<TestCluster> {
  const adminUrl = process.env.DATABASE_URL ?? (await startEmbedded(undo))
  const prefix = `cs_${process.pid}_${randomBytes(3).toString('hex')}`
  const template = `${prefix}_template`
  undo.defer(() => dropAll(adminUrl, prefix))
  await onServer(adminUrl, (client) => client.query(`create database "${template}"`))
  const migrations = path.resolve('prisma/migrations')
  if (existsSync(migrations)) await migrate(databaseUrl(adminUrl, template), migrations)
  return { adminUrl, template, prefix }
}

async function dropAll(adminUrl: string, prefix: string): Promise<void> {
  await onServer(adminUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select datname as name from pg_database where starts_with(datname, $1)`,
      [`${prefix}_`],
    )
    for (const { name } of rows) await client.query(`drop database "${name}" with (force)`)
  })
}

async function startEmbedded(undo: AsyncDisposableStack): Promise<string> {
  const folder = await runFolder(tmpdir(), undo)
  const settings = { max_connections: '200' }
  const server = await startEmbeddedPostgres({ folder, durable: false, settings })
  undo.defer(server.stop)
  return server.url
}

/**
 * A folder in shared memory, when there is room and programs may run there: the disk costs as much
 * processor time as PostgreSQL when it creates a database.
 */
async function memoryFolder(undo: AsyncDisposableStack): Promise<string | undefined> {
  if (!(await hasRoom('/dev/shm'))) return undefined
  const folder = await runFolder('/dev/shm', undo)
  return (await canRunProgramsIn(folder)) ? folder : undefined
}

/** A folder of this run that other users can enter, as the database of root does. */
async function runFolder(place: string, undo: AsyncDisposableStack): Promise<string> {
  await removeAbandoned(place)
  const folder = await mkdtemp(path.join(place, `cs-${process.pid}-`))
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o711)
  return folder
}

async function hasRoom(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder).catch(() => ({ bavail: 0, bsize: 0 }))
  return bavail * bsize >= neededBytes
}

async function canRunProgramsIn(folder: string): Promise<boolean> {
  const program = path.join(folder, 'program')
  await writeFile(program, '#!/bin/sh\n', { mode: 0o755 })
  return promisify(execFile)(program).then(
    () => true,
    () => false,
  )
}

/** Folders of runs that were killed: they would fill the memory. */
async function removeAbandoned(place: string): Promise<void> {
  for (const name of await readdir(place)) {
    const pid = Number(folderOfRun.exec(name)?.[1])
    if (!Number.isInteger(pid) || isAlive(pid)) continue
    await rm(path.join(place, name), { recursive: true, force: true }).catch(() => undefined)
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
