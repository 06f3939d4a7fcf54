import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { afterAll, afterEach } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/platform/postgres/embedded/embedded-postgres.ts'

/** The module that starts a server, for tests that start one in a process of its own. */
export const launcher = path.resolve('src/platform/postgres/embedded/embedded-postgres.ts')

/** Cleanups after the current test, latest first, in a file that calls `undoAfterEach`. */
export const undo: (() => Promise<unknown>)[] = []

/**
 * A folder for this test file that every user can enter; it is removed after the file's tests,
 * after the servers in it.
 */
export async function reachableFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'cs-')))
  await chmod(folder, 0o711)
  afterAll(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/**
 * Called by each test file that starts servers. A hook of this module itself would belong to the
 * first file alone: modules stay loaded for the next ones.
 */
export function undoAfterEach(): void {
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step()
  })
}

/** Starts a server that stops after the current test. */
export async function start(
  folder: string,
  log: (message: string) => void = () => undefined,
): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ folder, log, durable: false })
  undo.push(server.stop)
  return server
}

/**
 * A process of its own (killed after the current test), at the head of its own group, that starts
 * the server in the folder and then only lives; on Ctrl-C it reports that and stays alive.
 */
export async function startInChild(
  folder: string,
  how: { program?: string; module?: string; account?: { uid: number; gid: number } } = {},
): Promise<{ child: ChildProcess; pid: number; url: string }> {
  const code = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(pathToFileURL(how.module ?? launcher).href)})
    process.on('SIGINT', () => console.log('interrupted'))
    const server = await startEmbeddedPostgres({ folder: ${JSON.stringify(folder)}, durable: false })
    console.log(JSON.stringify({ pid: server.pid(), url: server.url }))`
  const child = spawn(
    how.program ?? process.execPath,
    ['--no-warnings', '--input-type=module', '-e', code],
    {
      ...how.account,
      cwd: '/',
      env: { PATH: process.env.PATH },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  undo.push(async () => child.kill('SIGKILL'))
  let complaint = ''
  child.stderr.on('data', (data) => {
    complaint += String(data)
  })
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (line) => {
      resolve({ child, ...(JSON.parse(line) as { pid: number; url: string }) })
    })
    child.once('error', reject)
    child.once('close', () => reject(new Error(complaint)))
  })
}

/** One query on its own connection. */
export async function ask<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

/** Whether the process exists. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
