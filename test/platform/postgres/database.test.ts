import path from 'node:path'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  type Database,
  type DatabaseConfig,
  openDatabase,
} from '../../../src/platform/postgres/database.ts'
import { isDatabaseUnavailable } from '../../../src/platform/postgres/database-errors.ts'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/platform/postgres/embedded/embedded-postgres.ts'
import { ask, reachableFolder } from '../../support/embedded-postgres.ts'
import { until } from '../../support/until.ts'

const folder = path.join(await reachableFolder(), 'database')
let server: EmbeddedPostgres
const open: Database[] = []

beforeAll(async () => {
  server = await startEmbeddedPostgres({ folder, durable: false })
  await ask(server.url, 'create table things (id int primary key, name text)')
  return () => server.stop()
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((database) => database.close()))
})
/** One connection, so that tests can check whether it is still the same. */
function connect(config: Partial<DatabaseConfig> = {}): Database {
  const database = openDatabase({ url: server.url, maxConnections: 1, ...config })
  open.push(database)
  return database
}

async function backend(database: Database): Promise<number> {
  const [row] = await database.query<{ pid: number }>('pid', 'select pg_backend_pid() as pid', [])
  return row?.pid ?? 0
}

/**
 * The connection that serves, as soon as one does: whatever limit a test sets, a busy machine may
 * take longer to connect.
 */
const serving = (database: Database) =>
  until('it serves', () => backend(database).catch(() => undefined))

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => expect.fail(`resolved: ${JSON.stringify(value)}`),
    (error: unknown) => error,
  )
}

describe('a query', () => {
  test('a query is prepared once under its name, and a name belongs to one text', async () => {
    const database = connect()
    expect(await database.query('sum', 'select $1::int + 1 as sum', [1])).toEqual([{ sum: 2 }])
    expect(await database.query('sum', 'select $1::int + 1 as sum', [2])).toEqual([{ sum: 3 }])
    const sql = `select generic_plans + custom_plans as runs from pg_prepared_statements
      where name = 'sum'`
    expect(await database.query('prepared', sql, [])).toEqual([{ runs: 2 }])
    await expect(database.query('sum', 'select 1', [])).rejects.toThrow('must be unique')
  })

  test('a query reads columns as values that preserve their meaning', async () => {
    const database = connect()
    const sql = `select 9007199254740991 as int8, array[1::int8, null] as int8s, 1.10::numeric as
      numeric,
      '2026-01-31'::date as date, '2026-01-31 12:00:00.5'::timestamp as timestamp,
      '2026-01-31 12:00:00.5+02'::timestamptz as timestamptz, '\\x00ff'::bytea as bytea,
        '{"a":1}'::jsonb as jsonb`
    expect(await database.query('types', sql, [])).toEqual([
      {
        int8: Number.MAX_SAFE_INTEGER,
        int8s: [1, null],
        numeric: '1.10',
        date: '2026-01-31',
        timestamp: new Date('2026-01-31T12:00:00.500Z'),
        timestamptz: new Date('2026-01-31T10:00:00.500Z'),
        bytea: Buffer.from([0, 255]),
        jsonb: { a: 1 },
      },
    ])
  })

  test('a query rejects rather than round a number, and the connection survives', async () => {
    const database = connect()
    const before = await backend(database)
    await expect(database.query('big', 'select 9007199254740992 as n', [])).rejects.toThrow(
      'does not fit a number',
    )
    expect(await backend(database)).toBe(before)
  })

  test('a query that the database refuses costs no connection', async () => {
    const database = connect()
    const before = await backend(database)
    await database.query('insert', 'insert into things values ($1)', [1])
    const failure = await failureOf(database.query('insert', 'insert into things values ($1)', [1]))
    expect(failure).toMatchObject({ code: '23505' })
    expect(isDatabaseUnavailable(failure)).toBe(false)
    expect(await backend(database)).toBe(before)
  })

  test('prepared on its connection before a migration may fail once, as unavailable', async () => {
    const database = connect()
    await ask(server.url, 'create table moving (n int)')
    await database.query('moving', 'select * from moving', [])
    await ask(server.url, 'alter table moving alter n type text')
    const failure = await failureOf(database.query('moving', 'select * from moving', []))
    expect(isDatabaseUnavailable(failure)).toBe(true)
    expect(await database.query('moving', 'select * from moving', [])).toEqual([])
  })
})

describe('a transaction', () => {
  const names = 'select name from things where id = 2'

  test('a transaction commits all of its work when it resolves', async () => {
    const database = connect()
    const result = await database.transaction(async (tx) => {
      await tx.query('insert_name', 'insert into things values ($1, $2)', [2, 'first'])
      await tx.query('rename', 'update things set name = $2 where id = $1', [2, 'second'])
      return 'done'
    })
    expect(result).toBe('done')
    expect(await database.query('names', names, [])).toEqual([{ name: 'second' }])
  })

  test('commits nothing when it rejects, passes the error on, costs no connection', async () => {
    const database = connect()
    const before = await backend(database)
    const refusal = new Error('changed my mind')
    const work = database.transaction(async (tx) => {
      await tx.query('rename', 'update things set name = $2 where id = $1', [2, 'third'])
      throw refusal
    })
    expect(await failureOf(work)).toBe(refusal)
    expect(await database.query('names', names, [])).toEqual([{ name: 'second' }])
    expect(await backend(database)).toBe(before)
  })
})

test('a longer time limit applies to each statement of its transaction only', async () => {
  const database = connect({ timeoutMs: 400 })
  const limit = 'show statement_timeout'
  const within = await database.transaction(async (tx) => {
    await tx.query('longer', 'select pg_sleep(0.6)', [])
    return tx.query('limit', limit, [])
  }, 20_000)
  expect(within).toEqual([{ statement_timeout: '18s' }])
  expect(await database.query('limit', limit, [])).toEqual([{ statement_timeout: '360ms' }])
})

test('calls at the same time load Prisma once, and closing waits for the load', async () => {
  const database = connect()
  const loads = [
    database.prisma(null, async (client) => client),
    database.prisma(null, async (client) => client),
  ] as const
  await database.close()
  const [one, other] = await Promise.all(loads)
  expect(one).toBe(other)
})

test('Prisma shares the pool, and round trips are counted, by statement too', async () => {
  const database = connect()
  const before = await backend(database)
  expect(database.roundTrips()).toBe(1)
  const prisma = await database.prisma(null, async (client) => client)
  expect(await prisma.$queryRaw`select pg_backend_pid() as pid`).toEqual([{ pid: before }])
  expect(database.roundTrips()).toBe(2)
  await database.transaction((tx) => tx.query('one', 'select 1', []))
  expect(database.roundTrips()).toBe(5)
  expect(Object.fromEntries(database.statements())).toEqual({ pid: 1, one: 1, other: 3 })
  expect(database.connections()).toEqual({ total: 1, idle: 1, waiting: 0 })
})

describe('when the database', () => {
  test('takes too long for a statement, it ends that and the connection survives', async () => {
    const database = connect({ timeoutMs: 20_000 })
    const before = await backend(database)
    const limit = await database.query('limit', 'show statement_timeout', [])
    expect(limit).toEqual([{ statement_timeout: '18s' }])
    await database.query('shorten', `set statement_timeout = '50ms'`, [])
    const failure = await failureOf(database.query('sleep', 'select pg_sleep(60)', []))
    expect(failure).toMatchObject({ code: '57014' })
    expect(isDatabaseUnavailable(failure)).toBe(true)
    expect(await backend(database)).toBe(before)
  })

  test.each([
    ['query', (database: Database) => database.query('one', 'select 1', [])],
    [
      'transaction',
      (database: Database) => database.transaction((tx) => tx.query('one', 'select 1', [])),
    ],
    [
      'Prisma query',
      async (database: Database) =>
        (await database.prisma(null, async (client) => client)).$queryRaw`select 1`,
    ],
  ])('hangs, a %s fails in time, and the next one works', async (_, query) => {
    const database = connect({ timeoutMs: 400 })
    const hung = await serving(database)
    process.kill(hung, 'SIGSTOP')
    try {
      expect(isDatabaseUnavailable(await failureOf(query(database)))).toBe(true)
      expect(await serving(database)).not.toBe(hung)
    } finally {
      process.kill(hung, 'SIGCONT')
    }
  })

  test('accepts no connections, a query fails in time, and works when it does again', async () => {
    const database = connect({ timeoutMs: 400 })
    process.kill(server.pid(), 'SIGSTOP')
    try {
      expect(isDatabaseUnavailable(await failureOf(backend(database)))).toBe(true)
    } finally {
      process.kill(server.pid(), 'SIGCONT')
    }
    await serving(database)
  })

  test('cuts an idle connection, nothing breaks and another one takes its place', async () => {
    const losses: Error[] = []
    const database = connect({ onConnectionLost: (error) => losses.push(error) })
    const before = await backend(database)
    await ask(server.url, `select pg_terminate_backend(${before})`)
    await until('the loss is reported', () => losses.length > 0)
    expect(isDatabaseUnavailable(losses[0])).toBe(true)
    expect(await serving(database)).not.toBe(before)
  })

  test('cuts a connection that is being closed, no loss is reported', async () => {
    const losses: Error[] = []
    const database = connect({ onConnectionLost: (error) => losses.push(error) })
    const pid = await backend(database)
    process.kill(pid, 'SIGSTOP')
    await database.close()
    // It resumes with the goodbye unread, and ends with a message of its own.
    process.kill(pid, 'SIGTERM')
    process.kill(pid, 'SIGCONT')
    const sql = `select 1 from pg_stat_activity where pid = ${pid}`
    await until('it is gone', async () => (await ask(server.url, sql)).length === 0)
    expect(losses).toEqual([])
  })

  test('cuts a connection in the middle of a query, the query fails as unavailable', async () => {
    const database = connect({ timeoutMs: 60_000 })
    const pid = await backend(database)
    const failure = failureOf(database.query('sleep', 'select pg_sleep(60)', []))
    await until('it sleeps', async () => {
      const sql = `select 1 from pg_stat_activity where pid = ${pid} and wait_event = 'PgSleep'`
      return (await ask(server.url, sql)).length
    })
    await ask(server.url, `select pg_terminate_backend(${pid})`)
    expect(isDatabaseUnavailable(await failure)).toBe(true)
    expect(await backend(database)).not.toBe(pid)
  })

  test('cuts a connection between two queries, the transaction fails as unavailable', async () => {
    const database = connect({ timeoutMs: 60_000 })
    const pid = await backend(database)
    const work = database.transaction(async (tx) => {
      await tx.query('first', 'select 0', [])
      await ask(server.url, `select pg_terminate_backend(${pid})`)
      await until('the server process is gone', async () => {
        const sql = `select 1 from pg_stat_activity where pid = ${pid}`
        return (await ask(server.url, sql)).length === 0
      })
      await tx.query('one', 'select 1', [])
    })
    expect(isDatabaseUnavailable(await failureOf(work))).toBe(true)
    expect(await backend(database)).not.toBe(pid)
  })

  test('hangs in a transaction, the connection is never reused by any caller', async () => {
    const database = connect({ timeoutMs: 400 })
    const refusal = new Error('from the caller')
    let hung = 0
    const hang = () =>
      database.transaction(async (tx) => {
        const [row] = await tx.query<{ pid: number }>('pid', 'select pg_backend_pid() as pid', [])
        hung = row?.pid ?? 0
        process.kill(hung, 'SIGSTOP')
        await tx.query('one', 'select 1', []).catch(() => {
          throw refusal
        })
      })
    // On a busy machine the time may be up before it hangs.
    const failure = await until('it hangs inside', async () => {
      const error = await failureOf(hang())
      return hung > 0 && error
    })
    try {
      expect(failure).toBe(refusal)
      expect(await serving(database)).not.toBe(hung)
    } finally {
      process.kill(hung, 'SIGCONT')
    }
  })

  test('is gone, everything fails as unavailable, and works again when it returns', async () => {
    const database = connect({ maxConnections: 5 })
    await backend(database)
    const prisma = await database.prisma(null, async (client) => client)
    await server.stop()
    const failures = await Promise.all([
      failureOf(backend(database)),
      failureOf(database.transaction((tx) => tx.query('one', 'select 1', []))),
      failureOf(prisma.tenant.findMany()),
      failureOf(prisma.$transaction(async (tx) => tx.$queryRaw`select 1`)),
    ])
    expect(failures.map(isDatabaseUnavailable)).toEqual([true, true, true, true])
    server = await startEmbeddedPostgres({ folder, durable: false })
    await serving(database)
    expect(await prisma.$queryRaw`select 1 as one`).toEqual([{ one: 1 }])
  })
})

test('when all connections are busy for too long a query fails as unavailable', async () => {
  const database = connect({ timeoutMs: 400 })
  const { promise, resolve } = Promise.withResolvers<void>()
  const busy = await until('it is busy', async () => {
    const connection = Promise.withResolvers<true>()
    const work = database.transaction(async (tx) => {
      await tx.query('one', 'select 1', [])
      connection.resolve(true)
      await promise
    })
    const end = work.then(
      () => false,
      () => false,
    )
    return (await Promise.race([connection.promise, end])) ? { end } : null
  })
  expect(isDatabaseUnavailable(await failureOf(backend(database)))).toBe(true)
  resolve()
  await busy.end
  await serving(database)
})

test('closing waits for work under way; later queries fail as unavailable', async () => {
  const [database, other] = [connect({ timeoutMs: 60_000 }), connect({ timeoutMs: 60_000 })]
  const [lockTaken, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const holding = other.transaction(async (tx) => {
    await tx.query('hold', 'select pg_advisory_xact_lock(1)', [])
    lockTaken.resolve()
    await release.promise
  })
  await lockTaken.promise
  const ends: string[] = []
  const slow = database.query('slow', `select 'done' as state from pg_advisory_xact_lock(1)`, [])
  await until('it is under way', () => {
    const { total, idle } = database.connections()
    return total === 1 && idle === 0
  })
  const closing = database.close().then(() => ends.push('closed'))
  release.resolve()
  await holding
  expect(await slow.finally(() => ends.push('answered'))).toEqual([{ state: 'done' }])
  await closing
  expect(ends).toEqual(['answered', 'closed'])
  expect(isDatabaseUnavailable(await failureOf(backend(database)))).toBe(true)
  await database.close()
})

test.each([
  ['a unique violation', Object.assign(new Error('duplicate key'), { code: '23505' })],
  ['a defect in SQL', Object.assign(new Error('syntax error'), { code: '42601' })],
  ['a missing file', Object.assign(new Error('open ENOENT'), { code: 'ENOENT' })],
  ['a defect in code', new TypeError('not a function')],
  ['a number that begins like a code', Object.assign(new Error('odd'), { code: 8 })],
  ['a string', 'Connection terminated'],
  ['nothing', undefined],
])('%s does not count as an unavailable database', (_, error) => {
  expect(isDatabaseUnavailable(error)).toBe(false)
})

test.each(['ECONNREFUSED', 'EAI_AGAIN', '53300', '08006', '57P03', '25006', 'P1001'])(
  '%s counts as an unavailable database, also as the cause of another error',
  (code) => {
    const error = Object.assign(new Error('no'), { code })
    expect(isDatabaseUnavailable(error)).toBe(true)
    expect(isDatabaseUnavailable(new Error('outer', { cause: error }))).toBe(true)
  },
)
