import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { onServer } from './support/cluster.ts'
import { runCommand } from './support/command-line.ts'
import { createEmptyDatabase, createTestDatabase } from './support/database.ts'
import { isAlive } from './support/embedded-postgres.ts'
import { freePort } from './support/ports.ts'
import { createApi } from './support/running-service.ts'
import { startProgram, startServiceProcess } from './support/service-process.ts'
import { startHere } from './support/service-start.ts'
import { startDatabaseLine } from './support/tcp-proxy.ts'
import { until } from './support/until.ts'

// Processes that start one after another are slow on a busy machine.
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

describe('with an embedded database', () => {
  const stack = new AsyncDisposableStack()
  afterAll(() => stack.disposeAsync())
  let folder: string
  let environment: Record<string, string>
  let first: Awaited<ReturnType<typeof startServiceProcess>>
  beforeAll(async () => {
    folder = await dataFolder(stack)
    environment = { DATA_FOLDER: folder, PORT: '0' }
    first = stack.use(await startServiceProcess(environment))
  })

  test('next to the service, a command uses its server and leaves it running', async () => {
    const words = ['src/cli.ts', 'tenants', 'list']
    await using command = startProgram(words, { DATA_FOLDER: folder })
    expect(await command.exit).toEqual({ code: 0, signal: null })
    expect(command.stderr()).toBe('')
    expect(command.stdout()).toMatch(/^name\s+Default$/m)
    expect((await fetch(`${first.origin}/health/ready`)).status).toBe(200)
  })

  test('only the first start shows a key, which works; no postgres is left behind', async () => {
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
  test('of two concurrent starts both succeed, and one of them shows the first key', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createEmptyDatabase())
    const start = async () => {
      const environment = { DATABASE_URL: url, MASTER_KEY: masterKey, PORT: '0' }
      return stack.use(await startHere(environment))
    }
    // In one process neither is ready before the other has begun.
    const both = await Promise.all([start(), start()])
    const keys = both.flatMap(({ stdout }) => keysIn(stdout))
    expect(keys).toHaveLength(1)
    for (const { origin } of both) {
      expect((await createApi(origin, keys[0] ?? '')('GET', '/v1/tenant')).status).toBe(200)
    }
    const counts = await onServer(url, (client) =>
      client.query('select count(*)::int as tenants from tenants'),
    )
    expect(counts.rows).toEqual([{ tenants: 1 }])
  })

  test('SIGTERM answers the waiting request, then ends in order', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createTestDatabase())
    const database = { DATABASE_URL: url, MASTER_KEY: masterKey }
    // Without the sweeps of the worker only requests reach the database.
    const environment = { ...database, ROLE: 'api', PORT: '0', LOG_LEVEL: 'info' }
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

  test('after SIGTERM it is unready, answers all, until the delay or a second signal', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createTestDatabase())
    const environment = { DATABASE_URL: url, MASTER_KEY: masterKey, STOP_DELAY_SECONDS: '300' }
    const service = stack.use(await startServiceProcess({ ...environment, PORT: '0' }))
    const api = createApi(service.origin, keysIn(service.stdout())[0] ?? '')
    const request = () => api('GET', '/v1/tenant')
    const isReady = async () => (await fetch(`${service.origin}/health/ready`)).ok
    expect(await isReady()).toBe(true)
    // What the first request loads takes long on a busy machine, and the rest would wait too long.
    await until('it answers', async () => (await request()).status === 200)

    const replies = Promise.all(Array.from({ length: 20 }, request))
    service.kill('SIGTERM')
    expect((await replies).map(({ status }) => status)).toEqual(Array(20).fill(200))
    await until('it is not ready', async () => !(await isReady()))
    const late = await request()
    expect([late.status, late.headers.get('connection')]).toEqual([200, 'close'])
    service.kill('SIGTERM')
    expect(await service.exit).toEqual({ code: 0, signal: null })
  })

  test('a worker applies the migrations and listens nowhere', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createEmptyDatabase())
    const environment = { DATABASE_URL: url, MASTER_KEY: masterKey, ROLE: 'worker' }
    const worker = stack.use(await startHere(environment))
    expect(worker).toMatchObject({ code: 0, origin: '' })
    expect(worker.stdout).toContain('Worker running.')
    expect(worker.stdout).not.toContain('listens on')
    const { rows } = await onServer(url, (client) => client.query('select from tenants'))
    expect(rows).toHaveLength(1)
  })
})

describe('a start that cannot succeed', () => {
  test('reports every fault of the configuration, without a stack, and exits with 1', async () => {
    await using program = startProgram(['src/main.ts'], { PORT: 'x', ROLE: 'boss' })
    expect(await program.exit).toEqual({ code: 1, signal: null })
    expect(program.stderr()).toMatch(
      /^The configuration is wrong:\n {2}- PORT: .*\n {2}- ROLE: .*\n$/,
    )
    expect(program.stdout()).toBe('')
  })

  test('waits for a missing database, reported once, no password; SIGTERM ends it', async () => {
    const port = await freePort()
    const environment = {
      DATABASE_URL: `postgresql://user:canary-4711@127.0.0.1:${port}/none`,
      MASTER_KEY: masterKey,
      PORT: '0',
      LOG_LEVEL: 'warn',
    }
    await using program = startProgram(['src/main.ts'], environment)
    await until('it says so', () => program.stdout().includes('waiting for the database'), 60_000)
    expect(program.stdout()).toContain(
      `DATABASE_URL: the database none at 127.0.0.1:${port} cannot be used: it does not answer (ECONNREFUSED)`,
    )
    program.kill('SIGTERM')
    expect(await program.exit).toEqual({ code: 0, signal: null })
    expect(program.stdout().match(/waiting for/g)).toHaveLength(1)
    expect(program.stderr()).toBe('Stopped before the start was complete.\n')
    expect(program.stderr() + program.stdout()).not.toContain('canary-4711')
  })

  test('goes on by itself when the database is reachable', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createTestDatabase())
    const line = await startDatabaseLine(url)
    stack.defer(() => line.close())
    line.set('refusing')
    const environment = { DATABASE_URL: line.url, MASTER_KEY: masterKey, PORT: '0' }
    const program = startProgram(['src/main.ts'], { ...environment, LOG_LEVEL: 'info' })
    const service = stack.use(program)
    await until('it waits', () => service.stdout().includes('waiting for the database'), 60_000)
    line.set('open')
    await until('it listens', () => service.stdout().includes('listens on'), 60_000)
    expect(service.stdout()).toContain('the database is there')
    expect(keysIn(service.stdout())).toHaveLength(1)
  })

  test('reports a wrong password immediately, without a stack', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createTestDatabase())
    const wrong = new URL(url)
    wrong.password = 'canary-4712'
    const environment = { DATABASE_URL: wrong.href, MASTER_KEY: masterKey, PORT: '0' }
    const start = stack.use(await startHere(environment))
    expect(start.code).toBe(1)
    expect(start.stderr).toMatch(/^DATABASE_URL: .* the password is wrong\.\n$/)
    expect(start.stderr).not.toContain('canary-4712')
  })

  test('reports the missing database, without a stack', async () => {
    await using stack = new AsyncDisposableStack()
    const { url, drop } = stack.use(await createTestDatabase())
    await drop()
    const environment = { DATABASE_URL: url, MASTER_KEY: masterKey, PORT: '0' }
    const start = stack.use(await startHere(environment))
    expect(start.code).toBe(1)
    expect(start.stderr).toMatch(/^DATABASE_URL: the database \S+ at .* create it first\.\n$/)
  })

  test('on a port in use says so and keeps the first key for the start that succeeds', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createTestDatabase())
    const blocker = createServer()
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve))
    stack.defer(() => new Promise((resolve) => blocker.close(() => resolve())))
    const address = blocker.address()
    const port = typeof address === 'object' && address ? String(address.port) : ''
    const environment = { DATABASE_URL: url, MASTER_KEY: masterKey }
    const failedStart = stack.use(await startHere({ ...environment, PORT: port }))
    expect(failedStart.code).toBe(1)
    expect(failedStart.stderr).toBe(
      `127.0.0.1:${port} is taken: set PORT to another one, or stop what listens there.\n`,
    )
    const next = stack.use(await startHere({ ...environment, PORT: '0' }))
    const [key = ''] = keysIn(next.stdout)
    expect((await createApi(next.origin, key)('GET', '/v1/tenant')).status).toBe(200)
  })

  test.each(['0', '8080'])(
    'reports a host that is no address of this machine, port %s',
    async (PORT) => {
      await using stack = new AsyncDisposableStack()
      const { url } = stack.use(await createTestDatabase())
      const environment = { DATABASE_URL: url, MASTER_KEY: masterKey, HOST: '192.0.2.1', PORT }
      const start = stack.use(await startHere(environment))
      expect(start.code).toBe(1)
      expect(start.stderr).toMatch(
        /^192\.0\.2\.1:\d+ is no address of this machine: set HOST .*\n$/,
      )
    },
  )
})

describe('the first key', () => {
  test.each([
    ['worker', 'api'],
    ['api', 'worker'],
  ])(
    'is shown by the %s that starts first; the log of the %s says where, and it ends in order',
    async (one, two) => {
      await using stack = new AsyncDisposableStack()
      const { url } = stack.use(await createTestDatabase())
      const environment = { DATABASE_URL: url, MASTER_KEY: masterKey, PORT: '0', LOG_LEVEL: 'info' }
      const first = stack.use(await startHere({ ...environment, LOG_LEVEL: 'silent', ROLE: one }))
      const second = stack.use(startProgram(['src/main.ts'], { ...environment, ROLE: two }))
      const runs = () => /listens on|Worker running/.test(second.stdout())
      await until(`the ${two} runs`, runs, 60_000)
      expect(keysIn(first.stdout)).toHaveLength(1)
      expect(keysIn(second.stdout())).toEqual([])
      // Log lines are written at the end of a turn, so that this one may come after "running".
      const says = () => second.stdout().includes('the first API key was shown by another start')
      await until('the log says so', says)
      expect(second.stdout()).toContain(`the ${one} process ${process.pid} on`)
      second.kill('SIGTERM')
      expect(await second.exit).toEqual({ code: 0, signal: null })
    },
  )
})

describe('the public origin', () => {
  const withOrigin = (PUBLIC_ORIGIN: string) => ({ PUBLIC_ORIGIN })

  async function scene(stack: AsyncDisposableStack) {
    const { url } = stack.use(await createTestDatabase())
    const environment = { DATABASE_URL: url, MASTER_KEY: masterKey, PORT: '0' }
    return {
      start: (more: Readonly<Record<string, string>> = {}) =>
        startHere({ ...environment, ...more }),
      command: (words: readonly string[], more: Readonly<Record<string, string>> = {}) =>
        runCommand(words, { ...environment, ...more }),
    }
  }

  test('of another process is the only one for all roles and commands, until changed', async () => {
    await using stack = new AsyncDisposableStack()
    const { start, command } = await scene(stack)
    await using first = await start(withOrigin('https://a.example'))
    expect(first.stdout).toContain('as https://a.example')
    for (const ROLE of ['api', 'worker', 'all']) {
      await using refusal = await start({ ...withOrigin('https://b.example'), ROLE })
      expect(refusal).toMatchObject({ code: 1, stdout: '' })
      expect(refusal.stderr).toMatch(
        /^PUBLIC_ORIGIN: is https:\/\/b\.example, but .* known as https:\/\/a\.example .*origin change --to .*\n$/,
      )
    }
    const list = await command(['tenants', 'list'], withOrigin('https://b.example'))
    expect(list.stderr).toMatch(/^PUBLIC_ORIGIN: /)
    const change = ['origin', 'change', '--to', 'https://b.example']
    expect(await command(change, withOrigin('https://b.example'))).toMatchObject({
      code: 0,
      stderr: '',
    })
    await using service = await start(withOrigin('https://b.example'))
    expect(service.stdout).toContain('as https://b.example')
    await using former = await start(withOrigin('https://a.example'))
    expect(former.code).toBe(1)
  })

  test('that was set applies to a process that sets none, on any port', async () => {
    await using stack = new AsyncDisposableStack()
    const { start } = await scene(stack)
    await (await start(withOrigin('https://a.example')))[Symbol.asyncDispose]()
    await using second = await start()
    expect(second.stdout).toContain('as https://a.example')
  })

  test('that is not set follows the port, and is replaced by one that is set', async () => {
    await using stack = new AsyncDisposableStack()
    const { start } = await scene(stack)
    for (const more of [{}, {}, withOrigin('https://a.example')]) {
      const service = await start(more)
      const own = service.origin.replace('127.0.0.1', 'localhost')
      expect(service.stdout).toContain(`as ${'PUBLIC_ORIGIN' in more ? 'https://a.example' : own}`)
      await service[Symbol.asyncDispose]()
    }
  })

  test('the public origin cannot be changed to one that PUBLIC_ORIGIN may not be', async () => {
    await using stack = new AsyncDisposableStack()
    const { command } = await scene(stack)
    const change = await command(['origin', 'change', '--to', 'http://a.example'])
    expect(change.code).toBe(1)
    expect(change.stderr).toContain('must be https')
  })
})
