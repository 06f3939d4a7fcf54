import { describe, expect, test } from 'vitest'
import { buildSealing } from '../src/platform/crypto/sealing.ts'
import { onServer } from './support/cluster.ts'
import { runCommand } from './support/command-line.ts'
import { createEmptyDatabase, createTestDatabase } from './support/database.ts'
import { startHere } from './support/service-start.ts'
import { until } from './support/until.ts'

const masterKey = Buffer.alloc(32, 9).toString('base64url')

describe('on an installation that another master key sealed', () => {
  const other = Buffer.alloc(32, 8).toString('base64url')

  async function install(stack: AsyncDisposableStack): Promise<string> {
    const { url } = stack.use(await createEmptyDatabase())
    const first = await startHere({ DATABASE_URL: url, MASTER_KEY: masterKey, PORT: '0' })
    await first[Symbol.asyncDispose]()
    return url
  }

  test.each(['api', 'worker', 'all'])(
    'nothing starts as %s, and the message names the variable',
    async (ROLE) => {
      await using stack = new AsyncDisposableStack()
      const url = await install(stack)
      const environment = {
        DATABASE_URL: url,
        MASTER_KEY: other,
        ROLE,
        PORT: '0',
      }
      const start = stack.use(await startHere(environment))
      expect(start.code).toBe(1)
      expect(start.stderr).toMatch(
        /^MASTER_KEY: is not the key that sealed .*MASTER_KEY_PREVIOUS\.\n$/,
      )
      expect(start.stdout).not.toMatch(/listen/i)
    },
  )

  test('a start ends, too, when another key creates the first tenant before it', async () => {
    await using stack = new AsyncDisposableStack()
    const { url } = stack.use(await createTestDatabase())
    const environment = { DATABASE_URL: url, MASTER_KEY: masterKey, PORT: '0' }
    const start = await onServer(url, async (first) => {
      await first.query('begin')
      await first.query(
        "select pg_advisory_xact_lock(hashtextextended('countersign bootstrap public', 0))",
      )
      const second = startHere(environment)
      const waiting = "select 1 from pg_locks where locktype = 'advisory' and not granted"
      const database =
        ' and database = (select oid from pg_database where datname = current_database())'
      await until(
        'the second waits',
        async () => (await first.query(waiting + database)).rowCount,
        60_000,
      )
      await first.query("insert into tenants (tenant_id, name) values ('tnt_first', 'First')")
      await first.query(
        `insert into signing_keys (tenant_id, kid, seq, status, public_jwk, private_sealed)
         values ('tnt_first', 'kid', 1, 'active', '{}', $1)`,
        [
          buildSealing({ current: Buffer.from(other, 'base64url') }).seal(
            '{}',
            'signing-key:tnt_first:kid',
          ),
        ],
      )
      await first.query('commit')
      return stack.use(await second)
    })
    expect(start.code).toBe(1)
    expect(start.stderr).toMatch(/^MASTER_KEY: is not the key that sealed .* tnt_first/)
  })

  test('the service starts when that key is among the previous ones', async () => {
    await using stack = new AsyncDisposableStack()
    const DATABASE_URL = await install(stack)
    const keys = { MASTER_KEY: other, MASTER_KEY_PREVIOUS: masterKey }
    const start = stack.use(await startHere({ DATABASE_URL, ...keys, PORT: '0' }))
    expect(start.code).toBe(0)
  })

  test('the service needs the previous key of every tenant, not of one alone', async () => {
    await using stack = new AsyncDisposableStack()
    const DATABASE_URL = await install(stack)
    const keys = { MASTER_KEY: other, MASTER_KEY_PREVIOUS: masterKey }
    const command = ['tenants', 'create', '--name', 'Second']
    expect(await runCommand(command, { DATABASE_URL, ...keys })).toMatchObject({ code: 0 })
    for (const MASTER_KEY of [masterKey, other]) {
      const start = stack.use(await startHere({ DATABASE_URL, MASTER_KEY, PORT: '0' }))
      expect(start.code).toBe(1)
      expect(start.stderr).toMatch(/^MASTER_KEY: /)
    }
  })
})
