// Rehearses the image without a container engine: builds it in a folder (scripts/image-plan.ts),
// starts it on a database as an ordinary user, uses it and stops it.

import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, chown, cp, mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { startEmbeddedPostgres } from '../src/platform/postgres/embedded/embedded-postgres.ts'
import { accountFor } from '../src/platform/postgres/embedded/embedded-postgres-account.ts'
import { buildImage, type ImageSettings, readDockerfile } from './image-plan.ts'

const project = path.resolve(import.meta.dirname, '..')
/** 65 MB when it was set: room for a new library or two, and none for development dependencies. */
const megabytesMax = 90
const healthyWithinMs = 120_000

/**
 * What no start loads: the query compiler that scripts/image-steps.sh leaves, and libraries. Like
 * the rest it is read from compiled code.
 */
const loadLate = `
  await import('@parse/node-apn')
  await import('firebase-admin/app')
  await import('firebase-admin/messaging')
  await import('ioredis')
  import { openDatabase } from './src/platform/postgres/database.ts'
  const database = openDatabase({ url: process.env.DATABASE_URL })
  const tenants = await database.prisma(null, (client) => client.tenant.count())
  await database.close()
  console.log('-- tenants counted through Prisma:', tenants)
  if (tenants !== 1) process.exitCode = 1
  // Loaded for TypeScript that is not in the image's compiled code.
  const isCompiled = !process.moduleLoadList.some((one) => one.includes('deps/amaro'))
  console.log('-- every type was removed when the image was built:', isCompiled)
  if (!isCompiled) process.exitCode = 1`

/** Starts a program in the image's folder, with no other environment than an engine gives it. */
type Start = (
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  stdio?: SpawnOptions['stdio'],
) => ChildProcess

async function rehearse(): Promise<void> {
  await using undo = new AsyncDisposableStack()
  const settings = readDockerfile(await readFile(path.join(project, 'Dockerfile'), 'utf8'))
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'cs-image-')))
  undo.defer(() => rm(root, { recursive: true, force: true, maxRetries: 3 }))
  // Another account starts the service.
  await chmod(root, 0o711)
  const programs = path.join(root, 'bin')
  await mkdir(programs)
  await cp(process.execPath, path.join(programs, 'node'))
  // Without the tools of this project: anything missing in the image must fail.
  const folders = (process.env.PATH ?? '').split(':').filter((one) => !one.includes('node_modules'))
  const PATH = [programs, ...folders].join(':')

  const image = path.join(root, 'image')
  const account = await accountFor(path.join(root, 'none'))
  const environment = Object.fromEntries(
    Object.entries(settings.environment).map(([name, value]) => [
      name,
      value.replace(/^\/app(?=\/)/, image),
    ]),
  )
  await buildImage(project, root, async (stage, step) => {
    const env = { ...npmSettings(), PATH, ...(stage !== 'client' && environment) }
    const words = ['scripts/image-steps.sh', step]
    if (stage !== 'compiled') {
      const cwd = path.join(root, stage)
      await waitForEnd(step, spawn('/bin/sh', words, { cwd, env, stdio: 'inherit' }))
      return
    }
    // Its code is that of the image, in the same place: Node keeps it by the address of a file.
    const folder = path.join(root, stage)
    if (account) await chown(folder, account.uid, account.gid)
    words.push(path.join(folder, 'code'))
    const options: SpawnOptions = { ...account, cwd: image, env, stdio: 'inherit' }
    await waitForEnd(step, spawn('/bin/sh', words, options))
  })

  for (const folder of ['node_modules', 'src', '.']) {
    console.log(`-- ${folder}: ${await megabytesOf(path.join(image, folder))} MB`)
  }
  if ((await megabytesOf(image)) > megabytesMax) throw new Error(`more than ${megabytesMax} MB`)

  const start: Start = ([program = '', ...args], variables, stdio = 'inherit') => {
    const env = { PATH, ...environment, ...variables }
    return spawn(program, args, { ...account, cwd: image, env, stdio })
  }
  await serve(settings, start, await openDatabase(root, undo))
  console.log('-- NOT RUN: docker build; the base image, USER, EXPOSE and HEALTHCHECK options')
}

/** Where packages come from. `npm run` sets more, which would point npm back at the project. */
function npmSettings(): Record<string, string> {
  const network = /^(home|https?_proxy|no_proxy|node_extra_ca_certs|ssl_cert_file)$/i
  const npm = /^npm_config_(cache|registry|userconfig|globalconfig|progress|fund|audit)$/i
  const settings = Object.entries(process.env).filter(
    ([name]) => network.test(name) || npm.test(name),
  )
  return {
    ...Object.fromEntries(settings.map(([name, value]) => [name, value ?? ''])),
    npm_config_prefer_offline: 'true',
    npm_config_update_notifier: 'false',
  }
}

async function megabytesOf(folder: string): Promise<number> {
  const { stdout } = await promisify(execFile)('du', ['-sk', folder])
  return Math.round(Number.parseInt(stdout, 10) / 1024)
}

async function waitForEnd(label: string, child: ChildProcess): Promise<void> {
  const [code, signal] = await once(child, 'close')
  if (code !== 0) throw new Error(`${label} ended with ${code ?? signal}`)
}

/** A new database on the server of DATABASE_URL, or on an embedded one. */
async function openDatabase(root: string, undo: AsyncDisposableStack): Promise<string> {
  const name = `countersign_image_${process.pid}`
  let server = process.env.DATABASE_URL
  if (!server) {
    const folder = path.join(root, 'postgresql')
    const cluster = await startEmbeddedPostgres({ folder, durable: false })
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
  { command, healthcheck }: ImageSettings,
  start: Start,
  databaseUrl: string,
): Promise<void> {
  const port = String(await freePort())
  const environment = {
    DATABASE_URL: databaseUrl,
    MASTER_KEY: randomBytes(32).toString('base64url'),
    HOST: '127.0.0.1',
    PORT: port,
    LOG_LEVEL: 'warn',
    STOP_DELAY_SECONDS: '0',
    API_DOCS: 'on',
  }
  const service = start(command, environment, ['ignore', 'ignore', 'inherit'])
  const exit = waitForEnd('the service', service)
  // Awaited below, unless something else fails first.
  exit.catch(() => undefined)
  try {
    const deadline = performance.now() + healthyWithinMs
    while ((await once(start(healthcheck, environment), 'close'))[0] !== 0) {
      if (service.exitCode !== null || service.signalCode !== null) await exit
      if (performance.now() > deadline) throw new Error(`not healthy in ${healthyWithinMs} ms`)
      await delay(100)
    }
    for (const address of ['/health/ready', '/docs', '/docs/search.js', '/authenticator/']) {
      const { ok, status } = await fetch(`http://127.0.0.1:${port}${address}`)
      if (!ok) throw new Error(`${address} answers ${status}`)
    }
    await waitForEnd('the CLI', start(['node', 'src/cli.ts', 'tenants', 'list'], environment))
    const words = ['node', '--input-type=module', '--eval', loadLate]
    await waitForEnd('what is loaded late', start(words, environment))
    service.kill('SIGTERM')
    await exit
    console.log('-- it migrated, became healthy and ready, and ended in order')
  } finally {
    service.kill('SIGKILL')
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
