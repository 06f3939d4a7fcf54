import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { defaultScopes, scopes } from '../src/domain/scope.ts'
import { onServer } from './support/cluster.ts'
import { runCommand } from './support/command-line.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from './support/database.ts'
import { freePort } from './support/ports.ts'
import { createApi } from './support/running-service.ts'
import { startProgram } from './support/service-process.ts'
import { startHere } from './support/service-start.ts'
import { until } from './support/until.ts'

// Processes that start one after another are slow on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const masterKey = Buffer.alloc(32, 9).toString('base64url')
let database: TestDatabase
let environment: Record<string, string>

beforeAll(async () => {
  database = await createEmptyDatabase()
  environment = { DATABASE_URL: database.url, MASTER_KEY: masterKey }
})
afterAll(() => database.drop())

/** Runs a command of the operator, in this process. */
const countersign = (...args: string[]) => runCommand(args, environment)

/** Runs a command of the operator as a program, until it exits. */
async function countersignProgram(...args: string[]) {
  await using program = startProgram(['src/cli.ts', ...args], environment)
  const { code } = await program.exit
  return { code, stdout: program.stdout(), stderr: program.stderr() }
}

/** The JSON that a command prints that must succeed. */
async function json(...args: string[]) {
  const { code, stdout, stderr } = await countersign(...args, '--json')
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(stdout.trim().split('\n')).toHaveLength(1)
  return JSON.parse(stdout)
}

describe('an operator at the command line', () => {
  test('applies the migrations and says which, and again without harm', async () => {
    const upToDate = 'The database is up to date.\n'
    const { code, stdout } = await countersignProgram('migrate')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^\d+ migrations applied, the last \d{14}_\w+\.\n/)
    expect(stdout.endsWith(`\n${upToDate}`)).toBe(true)
    expect(await countersign('migrate')).toMatchObject({ code: 0, stdout: upToDate })
    const { rows } = await onServer(database.url, (client) =>
      client.query(
        'select count(*)::int as n from _prisma_migrations where finished_at is not null',
      ),
    )
    expect(rows[0].n).toBeGreaterThan(0)
  })

  test('creates a tenant, a relying party and a key that works until it is revoked', async () => {
    const tenant = await json('tenants', 'create', '--name', 'Acme')
    expect(await json('tenants', 'list')).toMatchObject([{ id: tenant.id, name: 'Acme' }])
    const party = await json(
      ...['relying-parties', 'create', '--name', 'Portal'],
      ...['--namespace', 'entra', '--namespace', 'mail'],
    )
    expect(party).toMatchObject({ name: 'Portal', namespaces: ['entra', 'mail'] })
    const key = await json('keys', 'create', '--name', 'ours', '--relying-party', party.id)
    expect(key).toMatchObject({ name: 'ours', rpId: party.id, scopes: [...defaultScopes] })

    await using service = await startHere({ ...environment, PORT: '0' })
    const api = createApi(service.origin, key.secret)
    expect((await api('GET', '/v1/tenant')).json).toEqual({
      id: tenant.id,
      name: 'Acme',
      identifierCase: 'fold_ascii',
    })
    const revocation = await countersignProgram('keys', 'revoke', key.id, '--json')
    expect(revocation).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(revocation.stdout)).toMatchObject({ id: key.id })
    // The revocation reaches the service as a signal from another process.
    await until('the key is refused', async () => {
      const { status } = await api('GET', '/v1/tenant')
      return status === 401
    })
    const [listedKey] = await json('keys', 'list')
    expect(listedKey).toMatchObject({ id: key.id, revokedAt: expect.any(String) })
    expect(JSON.stringify(listedKey)).not.toContain(key.secret.slice(-43))
  })

  test('an operator at the command line gives a key the requested scopes and end', async () => {
    const [party] = await json('relying-parties', 'list')
    const key = await json(
      ...['keys', 'create', '--name', 'few', '--relying-party', party.id],
      ...['--scope', 'users:read', '--expires-at', '2030-01-02T03:04:05Z'],
    )
    expect(key).toMatchObject({ scopes: ['users:read'], expiresAt: '2030-01-02T03:04:05.000Z' })
  })

  test('says that only its own output has the line of a revocation, where that is no file', async () => {
    const key = await json('keys', 'create', '--name', 'short', '--scope', 'admin')
    const onOutput = { ...environment, REVOCATION_LOG: '-' }
    await using program = startProgram(['src/cli.ts', 'keys', 'revoke', key.id], onOutput)
    expect(await program.exit).toMatchObject({ code: 0 })
    expect(program.stdout()).toContain(`{"revocation":"api_key_revoked",`)
    expect(program.stderr()).toContain('is in no log')
  })

  test('rotates an API key: the old one works for the overlap, next to the new one', async () => {
    const [party] = await json('relying-parties', 'list')
    const args = ['keys', 'create', '--name', 'bound', '--relying-party', party.id]
    const old = await json(...args, '--allow-address', '127.0.0.1', '--allow-address', '10.0.0.0/8')
    expect(old).toMatchObject({ lineageId: old.id, allowedAddresses: ['127.0.0.1', '10.0.0.0/8'] })
    const next = await json('keys', 'rotate', old.id, '--overlap-seconds', '3600')
    const { lineageId, allowedAddresses } = old
    expect(next).toMatchObject({ name: 'bound', lineageId, allowedAddresses, expiresAt: null })
    expect(next.secret).not.toBe(old.secret)
    const leftMs = Date.parse(next.previousExpiresAt) - Date.now()
    expect(leftMs).toBeGreaterThan(3_500_000)
    expect(leftMs).toBeLessThanOrEqual(3_600_000)
    const again = await countersign('keys', 'rotate', next.id)
    expect(again).toMatchObject({ code: 1, stdout: '' })
    expect(again.stderr).toContain('Two keys of this lineage are live')
  })

  test('an operator at the command line rotates the key that signs for the tenant', async () => {
    const kids = () =>
      onServer(database.url, async (client) => {
        const { rows } = await client.query('select kid, seq from signing_keys order by seq')
        return rows
      })
    expect(await kids()).toMatchObject([{ seq: 1 }])
    await json('signing-keys', 'rotate')
    expect(await kids()).toMatchObject([{ seq: 1 }, { seq: 2 }])
  })

  test('rotates the key of pushes to browsers, and shows its public half', async () => {
    const { publicKey } = await json('web-push-key', 'rotate')
    expect(publicKey).toMatch(/^B[A-Za-z0-9_-]{86}$/)
    expect((await json('web-push-key', 'rotate')).publicKey).not.toBe(publicKey)
  })

  test('verifies the audit record against its chain, and exits with 1 on a change', async () => {
    await using service = await startHere({ ...environment, PORT: '0' })
    const table = (text: string) =>
      onServer(database.url, async (client) => (await client.query(text)).rows)
    const head = await until(
      'the record is chained and signed',
      async () => {
        const [headRow] = await table('select jws from audit_heads')
        return headRow?.jws as string | undefined
      },
      30_000,
    )
    expect(service.stdout).toContain('listens')
    const folder = await mkdtemp(path.join(tmpdir(), 'cs-heads-'))
    const file = path.join(folder, 'log')
    await writeFile(file, `{"stream":"security","head":"${head}"}\n`)
    const verification = await countersign('audit', 'verify', '--heads', file, '--json')
    expect(verification.stderr).not.toContain('rebuilt from nothing')
    const [tenant] = JSON.parse(verification.stdout)
    expect(tenant).toMatchObject({ whole: true, keptHeads: 1, purged: 0, erased: 0 })
    expect(tenant.links).toBeGreaterThan(2)
    // With separately stored keys, nothing is trusted because the database holds it.
    const jwks = path.join(folder, 'jwks.json')
    const verifyWith = async (set: string) => {
      await writeFile(jwks, set)
      return countersign('audit', 'verify', '--keys', jwks, '--json')
    }
    const keys = (await table('select public_jwk from signing_keys')).map((row) => row.public_jwk)
    const withKeptKeys = await verifyWith(JSON.stringify({ keys }))
    expect(JSON.parse(withKeptKeys.stdout)).toMatchObject([{ whole: true }])
    const [one] = keys
    const others = await verifyWith(JSON.stringify({ keys: [{ ...one, x: one.y, y: one.x }] }))
    expect(JSON.parse(others.stdout)).toMatchObject([
      { whole: false, fault: 'checkpoint_not_ours' },
    ])
    for (const set of ['{"keys":[]}', '{}', 'null', '{', '{"keys":7}']) {
      const refusal = await verifyWith(set)
      expect([refusal.code, refusal.stderr]).toEqual([1, expect.stringContaining('--keys: ')])
    }
    await table(`update audit_events set actor = 'service' where type = 'tenant_created'`)
    const afterChange = await countersign('audit', 'verify', '--json')
    expect(afterChange.code).toBe(1)
    expect(afterChange.stderr).toContain('rebuilt from nothing would not be noticed')
    expect(JSON.parse(afterChange.stdout)).toMatchObject([
      { whole: false, fault: 'row_edited', firstBadSeq: expect.any(Number) },
    ])
    await rm(folder, { recursive: true })
  })

  test('refuses unreadable lines and files of any length, and reads the others', async () => {
    const long = `{"revocation":"${'x'.repeat(5_000_000)}"}`
    // A program, for its standard input.
    await using program = startProgram(['src/cli.ts', 'revocations', 'apply'], environment, long)
    expect((await program.exit).code).toBe(1)
    expect(program.stdout()).toMatch(/^unreadable\s+1$/m)
    const missing = await countersign('audit', 'verify', '--heads', 'no-such-file')
    expect(missing).toMatchObject({ code: 1, stdout: '' })
    expect(missing.stderr).toBe('--heads: no-such-file cannot be read\n')
  })

  test('prints nothing that moves the cursor, hides or reorders, from any author', async () => {
    const name = "'Acme' || chr(27) || '[2J' || chr(155) || chr(10) || 'id tnt_1' || chr(8238)"
    const rename = (sql: string) =>
      onServer(database.url, (client) => client.query(`update tenants set name = ${sql}`))
    await rename(name)
    const plainList = await countersign('tenants', 'list')
    expect(plainList.stdout).toMatch(/^name\s+Acme\\u001b\[2J\\u009b\\u000aid tnt_1\\u202e$/m)
    const [tenant] = await json('tenants', 'list')
    expect(tenant.name).toBe('Acme\u001b[2J\u009b\nid tnt_1\u202e')
    const raw = (await countersign('tenants', 'list', '--json')).stdout
    const failure = await countersign('keys', 'revoke', 'key_\u001b[2J')
    expect(`${raw}${failure.stderr}`).not.toMatch(/[[\p{Cc}\p{Cf}]--[\n]]/v)
    await rename("'Acme'")
  })

  test.each([
    ['an escape sequence', 'a\u001b[2Jb'],
    ['a line feed', 'a\nb'],
    ['an override of direction', 'a\u202eb'],
    ['5,000 characters', 'x'.repeat(5_000)],
    ['nothing but a space', ' '],
  ])('accepts no name that the API refuses: %s', async (_, name) => {
    const [party] = await json('relying-parties', 'list')
    const before = await json('tenants', 'list')
    const { tenantId: tenant } = party
    const refusals = await Promise.all([
      countersign('tenants', 'create', '--name', name),
      countersign('relying-parties', 'create', '--name', name, '--namespace', 'x'),
      countersign('keys', 'create', '--name', name, '--relying-party', party.id),
      countersign('relying-parties', 'create', '--name', 'ok', '--namespace', name),
    ])
    for (const { code, stdout, stderr } of refusals) {
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toMatch(/^A name(space)? has 1 to 64 characters/)
    }
    expect(await json('tenants', 'list')).toEqual(before)
    expect(tenant).toBe(before[0].id)
  })

  test('an operator at the command line reads a table without --json', async () => {
    const { stdout } = await countersign('relying-parties', 'list')
    expect(stdout).toMatch(/^name\s+Portal$/m)
    expect(stdout).toMatch(/^namespaces\s+entra, mail$/m)
  })
})

test('a reader that closes its pipe early ends no command, and is no fault', async () => {
  const command = `"${process.execPath}" src/cli.ts --help`
  const { stdout, stderr } = await promisify(execFile)('sh', [
    '-c',
    `(${command}; echo $? >&2) | true`,
  ])
  expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '0\n' })
})

test('on an empty installation creates a key and all it needs; the service adds none', async () => {
  await using empty = await createTestDatabase()
  const elsewhere = { ...environment, DATABASE_URL: empty.url }
  const { code, stdout } = await runCommand(
    ['keys', 'create', '--name', 'ours', '--json'],
    elsewhere,
  )
  expect(code).toBe(0)
  const newKey = JSON.parse(stdout)
  expect(newKey).toMatchObject({ name: 'ours', scopes: [...scopes] })
  await using service = await startHere({ ...elsewhere, PORT: '0' })
  expect(service.stdout).toContain('listens')
  expect(service.stdout).not.toContain('First start')
  const reply = await createApi(service.origin, newKey.secret)('GET', '/v1/tenant')
  expect(reply.json).toMatchObject({ id: newKey.tenantId, name: 'Default' })
})

test('keys from a file are those of one tenant, to be named if there are several', async () => {
  await using empty = await createTestDatabase()
  const elsewhere = { ...environment, DATABASE_URL: empty.url }
  const run = (...args: readonly string[]) => runCommand(args, elsewhere)
  for (const name of ['One', 'Two']) await run('tenants', 'create', '--name', name)
  expect(await run('audit', 'verify', '--keys', 'jwks.json')).toMatchObject({
    code: 1,
    stderr: 'Name the tenant with --tenant ID; see: countersign tenants list\n',
  })
})

describe('a command that cannot be carried out', () => {
  test.each([
    [['nonsense'], 'There is no command "nonsense"'],
    [['keys', 'create'], '--name must be given'],
    [['keys'], 'keys revoke KEY_ID'],
    [['origin', 'change'], '--to must be given'],
    [['relying-parties', 'create'], '--name and --namespace must be given'],
    [['tenants', 'create'], '--name must be given'],
    [['keys', 'create', '--name', 'x', '--relying-party', 'nobody'], "no relying party's id"],
    [['keys', 'revoke', 'nothing'], 'countersign keys revoke key_'],
    [['keys', 'rotate', 'nothing'], 'countersign keys rotate key_'],
    [['keys', 'rotate', 'key_01h455vb4pex5vsknk084sn02q'], 'There is no key'],
    [['relying-parties', 'create', '--name', 'x'], '--namespace must be given'],
    [['keys', 'list', '--tenant', 'tnt_other'], 'There is no tenant tnt_other'],
    [['tenants', 'list', '--wrong'], '--wrong'],
  ] as const)('%j says what is missing, without a stack, and exits with 1', async (args, text) => {
    const { code, stdout, stderr } = await countersign(...args)
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain(text)
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  test('with an unknown scope lists the scopes that exist', async () => {
    const [party] = await json('relying-parties', 'list')
    const args = ['keys', 'create', '--name', 'x', '--relying-party', party.id, '--scope', 'root']
    const { code, stderr } = await countersign(...args)
    expect(code).toBe(1)
    for (const scope of scopes) expect(stderr).toContain(scope)
  })

  test('without the relying party of a key, if there are several, says how to list', async () => {
    const args = ['relying-parties', 'create', '--name', 'Two', '--namespace', 'two']
    await json(...args)
    const { code, stderr } = await countersign('keys', 'create', '--name', 'x')
    expect(code).toBe(1)
    expect(stderr).toBe(
      'Name the relying party with --relying-party ID; see: countersign relying-parties list\n',
    )
  })

  test('on a database without a tenant says how to create one', async () => {
    await using empty = await createTestDatabase()
    const elsewhere = { ...environment, DATABASE_URL: empty.url }
    const { code, stderr } = await runCommand(['keys', 'list'], elsewhere)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^There is no tenant yet\. .*tenants create --name NAME\n$/)
  })

  test('with another master key than the one that sealed, seals nothing anew', async () => {
    const other = { ...environment, MASTER_KEY: Buffer.alloc(32, 8).toString('base64url') }
    const { code, stderr } = await runCommand(['tenants', 'create', '--name', 'X'], other)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^MASTER_KEY: is not the key/)
    expect(await json('tenants', 'list')).toHaveLength(1)
  })

  test('on a database that does not answer says so and never shows its password', async () => {
    const port = await freePort()
    const { code, stderr } = await runCommand(['tenants', 'list'], {
      ...environment,
      DATABASE_URL: `postgresql://user:canary-0815@127.0.0.1:${port}/none`,
    })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^DATABASE_URL: the database none at .*\n$/)
    expect(stderr).toContain(`127.0.0.1:${port}`)
    expect(stderr).not.toContain('canary-0815')
  })

  test('with a wrong configuration reports every fault', async () => {
    const { code, stderr } = await runCommand(['tenants', 'list'], { PORT: 'x', ROLE: 'y' })
    expect(code).toBe(1)
    expect(stderr).toMatch(/- PORT: [\s\S]*- ROLE: /)
  })

  test('with no command at all shows how the commands are called', async () => {
    const { code, stderr } = await countersignProgram()
    expect(code).toBe(1)
    expect(stderr).toContain('Usage: countersign <command>')
    const help = await countersign('--help')
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toContain('Usage: countersign <command>')
  })

  test.each([
    [['keys', 'create'], /^Usage: countersign keys create [\s\S]*--relying-party {4}id of/],
    [['relying-parties', 'create'], /^Usage: countersign relying-parties create .*\n\n {2}--name /],
    [['keys', 'revoke'], /^Usage: countersign keys revoke KEY_ID\n/],
    [
      ['keys'],
      /^Usage: [\s\S]*keys list [\s\S]*keys create [\s\S]*keys rotate [\s\S]*keys revoke /,
    ],
    [['migrate'], /^Usage: countersign migrate /],
    [['nonsense'], /^Usage: countersign <command>/],
  ])('%j --help says what its options mean, and nothing of other commands', async (args, text) => {
    const { code, stdout, stderr } = await countersign(...args, '--help')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(text)
    if (args[0] !== 'nonsense') expect(stdout).not.toContain('signing-keys')
  })
})
