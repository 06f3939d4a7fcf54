import { describe, expect, test } from 'vitest'
import { openDatabase } from '../../../src/platform/postgres/database.ts'
import { buildReadiness } from '../../../src/platform/postgres/readiness.ts'
import { onServer } from '../../support/cluster.ts'
import { createTestDatabase } from '../../support/database.ts'

const messages: string[] = []
const log = {
  info: (_: unknown, message: string) => messages.push(message),
  warn: ({ reason }: { reason?: string }, message: string) =>
    messages.push(`${message}:
    ${reason}`),
}

/** A role with the rights of the service, and a database of ours. */
async function scene(stack: AsyncDisposableStack) {
  const { url } = stack.use(await createTestDatabase())
  const role = `ready_${new URL(url).pathname.slice(-12)}`
  const run = (text: string) => onServer(url, (client) => client.query(text))
  await run(`create role ${role} login password 'x'`)
  stack.defer(async () => {
    await run(`drop owned by ${role}; drop role ${role}`)
  })
  await run(`grant usage on schema public to ${role}`)
  await run(`grant all on all tables in schema public to ${role}`)
  const own = new URL(url)
  own.username = role
  own.password = 'x'
  const database = openDatabase({ url: own.href })
  stack.defer(() => database.close())
  messages.length = 0
  // A new one each time: its results are shared for a second.
  return { role, run, database, isReady: () => buildReadiness(database, log)() }
}

describe('the service is ready', () => {
  test('the service is ready while it may read and write everything', async () => {
    await using stack = new AsyncDisposableStack()
    const { isReady, run } = await scene(stack)
    expect(await isReady()).toBe(true)
    const { rows } = await run('select probed_at is not null as written from installation')
    expect(rows).toEqual([{ written: true }])
  })

  test('the service is ready by one check for all requests within a second', async () => {
    await using stack = new AsyncDisposableStack()
    const { database } = await scene(stack)
    const isReady = buildReadiness(database, log)
    const before = database.roundTrips()
    expect(await isReady()).toBe(true)
    const once = database.roundTrips() - before
    expect(await Promise.all(Array.from({ length: 100 }, isReady))).not.toContain(false)
    expect(database.roundTrips() - before).toBe(once)
  })
})

describe('the service is not ready', () => {
  test.each([
    ['a table may not be read', 'revoke select on challenges from ROLE', 'table challenges'],
    ['a table may not be written', 'revoke insert on activities from ROLE', 'table activities'],
    ['nothing may be changed', 'revoke update on installation from ROLE', 'table installation'],
    ['the schema may not be used', 'revoke usage on schema public from ROLE, public', 'SQLSTATE'],
    ['its row is gone', 'delete from installation', 'lost its row'],
  ])('the service is not ready when %s, and the log says why, once', async (_, cause, why) => {
    await using stack = new AsyncDisposableStack()
    const { role, run, isReady, database } = await scene(stack)
    expect(await isReady()).toBe(true)
    await run(cause.replace('ROLE', role))
    const ready = buildReadiness(database, log)
    expect([await ready(), await ready()]).toEqual([false, false])
    expect(messages).toHaveLength(1)
    expect(messages[0]).toContain(why)
  })

  test('the service is not ready when transactions are read-only, as on a standby', async () => {
    await using stack = new AsyncDisposableStack()
    const { database, isReady } = await scene(stack)
    const { query } = database
    await query('only', 'set default_transaction_read_only = on', [])
    expect(await isReady()).toBe(false)
    expect(messages[0]).toContain('name the primary server')
  })
})
