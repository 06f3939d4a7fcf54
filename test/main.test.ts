import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { onServer } from './support/cluster.ts'
import { createEmptyDatabase } from './support/database.ts'
import { isAlive } from './support/embedded-postgres.ts'
import { createApi, freePort } from './support/running-service.ts'
import { startProgram, startServiceProcess } from './support/service-process.ts'
import { until } from './support/until.ts'

// Processes that start one after another take their time on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const masterKey = Buffer.alloc(32, 9).toString('base64url')
const bootstrapKey = /cs_[0-9a-z]{26}_[\w-]{43}/g
const keysIn = (text: string) => text.match(bootstrapKey) ?? []

async function dataFolder(stack: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-main-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o711)
  return folder
}

async function postgresPid(folder: string): Promise<number> {
  const file = path.join(folder, 'postgresql', 'cluster', 'data', 'postmaster.pid')
  return Number((await readFile(file, 'utf8')).split('\n')[0])
}

describe('with a database of its own', () => {
  test('the first start shows a key that works, the second shows none, and both leave no postgres behind', async () => {
    await using stack = new AsyncDisposableStack()
    const folder = await dataFolder(stack)
    const environment = { DATA_FOLDER: folder, PORT: '0' }

    const first = stack.use(await startServiceProcess(environment))
    const [key = '', ...more] = keysIn(first.stdout())
    expect(more).toEqual([])
    expect((await createApi(first.origin, key)('GET', '/v1/tenant')).status).toBe(200)
    const firstPostgres = await postgresPid(folder)
    expect(isAlive(firstPostgres)).toBe(true)
    first.kill('SIGTERM')
    expect(await first.exit).toEqual({ code: 0, signal: null })
    expect(isAlive(firstPostgres)).toBe(false)

    const second = stack.use(await startServiceProcess(environment))
    expect(keysIn(second.stdout())).toEqual([])
    const reply = await createApi(second.origin, key)('GET', '/v1/tenant')
    expect(reply.json).toMatchObject({ name: 'Default' })
    const secondPostgres = await postgresPid(folder)
    second.kill('SIGINT')
    expect(await second.exit).toEqual({ code: 0, signal: null })
    expect(isAlive(secondPostgres)).toBe(false)
  })
})

describe('on one database', () => {
  test('two processes that start at once both come up, and one of them shows the first key', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createEmptyDatabase())
    const start = async () => {
      const environment = { DATABASE_URL: url, MASTER_KEY: masterKey, PORT: '0' }
      return stack.use(await startServiceProcess(environment))
    }
    const both = await Promise.all([start(), start()])
    const keys = both.flatMap((service) => keysIn(service.stdout()))
    expect(keys).toHaveLength(1)
    for (const { origin } of both) {
      expect((await createApi(origin, keys[0] ?? '')('GET', '/v1/tenant')).status).toBe(200)
    }
    const counted = await onServer(url, (client) =>
      client.query('select count(*)::int as tenants from tenants'),
    )
    expect(counted.rows).toEqual([{ tenants: 1 }])
  })

  test('SIGTERM answers the request that waits, then ends in order', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createEmptyDatabase())
    const shared = { DATABASE_URL: url, MASTER_KEY: masterKey }
    // Without the worker's sweeps only requests reach the database.
    const environment = { ...shared, ROLE: 'api', PORT: '0', LOG_LEVEL: 'info' }
    const service = stack.use(await startServiceProcess(environment))
    const api = createApi(service.origin, keysIn(service.stdout())[0] ?? '')
    const { status, json } = await api('POST', '/v1/enrollments', {
      user: 'alice',
      displayName: 'Alice',
    })
    expect(status).toBe(201)
    const roundTrips = async () => {
      const text = await (await fetch(`${service.origin}/metrics`)).text()
      return Number(/^countersign_database_round_trips_total (\d+)$/m.exec(text)?.[1])
    }
    const before = await roundTrips()
    const waiting = api('GET', `/v1/enrollments/${json.id}?wait=30`)
    await until('the request has begun', async () => (await roundTrips()) > before)
    service.kill('SIGTERM')
    expect(await waiting).toMatchObject({ status: 200, json: { status: 'open' } })
    expect(await service.exit).toEqual({ code: 0, signal: null })
    expect(service.stdout()).toContain('"msg":"stopped"')
  })

  test('a worker applies the migrations, listens nowhere and ends in order', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createEmptyDatabase())
    const environment = { DATABASE_URL: url, MASTER_KEY: masterKey, ROLE: 'worker' }
    const worker = stack.use(startProgram(['src/main.ts'], environment))
    await until('the worker runs', () => worker.stdout().includes('Worker running.'), 60_000)
    expect(worker.stdout()).not.toContain('listens on')
    worker.kill('SIGTERM')
    expect(await worker.exit).toEqual({ code: 0, signal: null })
  })
})

describe('a start that cannot succeed', () => {
  test('tells every fault of the configuration, without a stack, and ends with 1', async () => {
    await using program = startProgram(['src/main.ts'], { PORT: 'x', ROLE: 'boss' })
    expect(await program.exit).toEqual({ code: 1, signal: null })
    expect(program.stderr()).toMatch(
      /^The configuration is wrong:\n {2}- PORT: .*\n {2}- ROLE: .*\n$/,
    )
    expect(program.stdout()).toBe('')
  })

  test('names the database that does not answer, never its password, and ends with 1', async () => {
    const port = await freePort()
    const environment = {
      DATABASE_URL: `postgresql://user:canary-4711@127.0.0.1:${port}/none`,
      MASTER_KEY: masterKey,
    }
    await using program = startProgram(['src/main.ts'], environment)
    expect(await program.exit).toEqual({ code: 1, signal: null })
    expect(program.stderr()).toContain(`127.0.0.1:${port}`)
    expect(program.stderr() + program.stdout()).not.toContain('canary-4711')
  })

  test('names the port that is taken, and ends with 1', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createEmptyDatabase())
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    stack.defer(() => new Promise((resolve) => taken.close(() => resolve())))
    const address = taken.address()
    const port = typeof address === 'object' && address ? String(address.port) : ''
    const environment = { DATABASE_URL: url, MASTER_KEY: masterKey, PORT: port }
    const program = stack.use(startProgram(['src/main.ts'], environment))
    expect(await program.exit).toEqual({ code: 1, signal: null })
    expect(program.stderr()).toContain(`127.0.0.1:${port}`)
  })
})
