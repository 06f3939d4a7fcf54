// Builds the image of the Dockerfile without a container engine, starts it on a database, and stops
// it.

import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { startEmbeddedPostgres } from '../src/persistence/embedded-postgres.ts'
import { parseDockerfile, type Stage } from './dockerfile.ts'
import {
  type BuiltStage,
  buildStage,
  prepareRehearsal,
  type Rehearsal,
  run,
  sizeInMegabytes,
  start,
} from './image-stages.ts'

/**
 * Development dependencies in the image would take it to 450 MB; this leaves room for a new library
 * or two.
 */
const megabytesMax = 200
const healthyWithinMs = 30_000

async function rehearse(): Promise<void> {
  await using undo = new AsyncDisposableStack()
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'cs-image-')))
  undo.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const text = await readFile(path.resolve(import.meta.dirname, '..', 'Dockerfile'), 'utf8')
  const stages = parseDockerfile(text)
  const last = stages.at(-1)
  if (!last) throw new Error('the Dockerfile has no stage')
  checkStages(stages, last)

  const rehearsal = await prepareRehearsal(folder)
  const builtStages = new Map<string, BuiltStage>()
  for (const stage of stages) {
    console.log(`-- stage ${stage.name}: ${stage.steps.length} steps`)
    builtStages.set(stage.name, await buildStage(rehearsal, stage, builtStages))
  }
  const image = builtStages.get(last.name)
  if (!image) throw new Error('the last stage was not built')
  const megabytes = await sizeInMegabytes(image.workdir)
  console.log(`-- size on top of ${last.image}: ${megabytes} MB`)
  if (megabytes > megabytesMax) throw new Error(`more than ${megabytesMax} MB`)
  await serve(rehearsal, image, last, await openDatabase(folder, undo))
}

function checkStages(stages: readonly Stage[], last: Stage): void {
  const major = process.versions.node.split('.')[0]
  const other = stages.find(({ image }) => !image.startsWith(`node:${major}-`))
  if (other) throw new Error(`rehearsed with Node ${major}, but the stage is FROM ${other.image}`)
  if (last.user === null || last.user === 'root') throw new Error('the image must not run as root')
}

/** A new database on the server of DATABASE_URL, or on an embedded one. */
async function openDatabase(folder: string, undo: AsyncDisposableStack): Promise<string> {
  const name = `countersign_image_${process.pid}`
  let server = process.env.DATABASE_URL
  if (!server) {
    const cluster = await startEmbeddedPostgres({
      folder: path.join(folder, 'pg'),
      durable: false,
    })
    undo.defer(cluster.stop)
    server = cluster.url
  }
  const administer = async (sql: string) => {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }
  await administer(`create database ${name}`)
  undo.defer(() => administer(`drop database if exists ${name} with (force)`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/**
 * Starts the image's command, waits until its own health check passes, uses it, and stops it as an
 * engine would.
 */
async function serve(
  rehearsal: Rehearsal,
  image: BuiltStage,
  { command, healthcheck }: Stage,
  databaseUrl: string,
): Promise<void> {
  if (!command || !healthcheck) throw new Error('the image needs CMD and HEALTHCHECK')
  const port = String(await freePort())
  const environment = {
    DATABASE_URL: databaseUrl,
    MASTER_KEY: randomBytes(32).toString('base64url'),
    HOST: '127.0.0.1',
    PORT: port,
    LOG_LEVEL: 'warn',
    STOP_DELAY_SECONDS: '0',
  }
  const service = start(rehearsal, image, command, environment, ['ignore', 'ignore', 'inherit'])
  const exit = new Promise<number | string | null>((resolve) => {
    service.once('close', (code, signal) => resolve(code ?? signal))
  })
  try {
    await until('the health check passes', async () => {
      if (service.exitCode !== null) throw new Error(`the service ended with ${service.exitCode}`)
      const check = start(rehearsal, image, healthcheck, environment)
      return new Promise((resolve) => check.once('close', (code) => resolve(code === 0)))
    })
    const ready = await fetch(`http://127.0.0.1:${port}/health/ready`)
    if (!ready.ok) throw new Error(`/health/ready answers ${ready.status}`)
    await run(rehearsal, image, ['node', 'src/cli.ts', 'tenants', 'list'], environment)
    service.kill('SIGTERM')
    const code = await exit
    if (code !== 0) throw new Error(`after SIGTERM the service ended with ${code}`)
    console.log('-- it migrated, became healthy and ready, and ended in order')
  } finally {
    service.kill('SIGKILL')
    await exit
  }
}

async function until(label: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + healthyWithinMs
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`waited ${healthyWithinMs} ms in vain: ${label}`)
    await delay(100)
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

await rehearse()
