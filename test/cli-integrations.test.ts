import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { onServer } from './support/cluster.ts'
import { runCommand } from './support/command-line.ts'
import { createTestDatabase, type TestDatabase } from './support/database.ts'
import { createClientKey } from './support/oidc-client.ts'

vi.setConfig({ testTimeout: 60_000 })

const publicOrigin = 'https://push.example.com'
let database: TestDatabase
let folder: string
let tenantId: string
let environment: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cs-cli-'))
  database = await createTestDatabase()
  environment = {
    DATABASE_URL: database.url,
    MASTER_KEY: Buffer.alloc(32, 9).toString('base64url'),
    PUBLIC_ORIGIN: publicOrigin,
  }
  tenantId = (await json('tenants', 'create', '--name', 'Acme')).id
  const namespaces = ['--namespace', 'mail', '--namespace', 'entra']
  await json('relying-parties', 'create', '--name', 'Staff', ...namespaces)
})
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true })
})

const countersign = (...args: string[]) => runCommand(args, environment)

async function json(...args: string[]) {
  const { code, stdout, stderr } = await countersign(...args, '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

const entra = (...more: string[]) => [
  ...['integrations', 'create', 'entra-external-mfa', '--name', 'Entra'],
  ...['--namespace', 'entra', ...more],
]
const [entraTenant, application] = [randomUUID(), randomUUID()]
const ids = ['--entra-tenant', entraTenant, '--application', application]

test('an integration of Entra is created, with everything that is to be pasted there', async () => {
  const door = await json(...entra(...ids))
  const issuer = `${publicOrigin}/t/${tenantId}/oidc`
  expect(door).toMatchObject({
    kind: 'entra_external_mfa',
    namespace: 'entra',
    clientId: door.id,
    discoveryEndpoint: `${issuer}/.well-known/openid-configuration`,
    replyUrl: `${issuer}/authorize`,
    applicationId: application,
    redirectUri: 'https://login.microsoftonline.com/common/federation/externalauthprovider',
    'redirectUri us_government':
      'https://login.microsoftonline.us/common/federation/externalauthprovider',
  })
  const { stdout } = await countersign(...entra(...ids, '--cloud', 'china'))
  expect(stdout).toContain('https://login.partner.microsoftonline.cn/common/federation/')
  expect(stdout).toMatch(/^step 1 +App registration /m)
  const { rows } = await onServer(database.url, (client) =>
    client.query('select settings from integrations where id = $1', [door.id]),
  )
  expect(rows[0].settings).toMatchObject({ entraTenantId: entraTenant, cloud: 'global' })
})

test.for<[string[], string]>([
  [[], '--entra-tenant and --application must be given'],
  [
    ['--entra-tenant', 'acme.onmicrosoft.com', '--application', randomUUID()],
    '--entra-tenant takes the id of the Entra tenant: is a domain: give the GUID',
  ],
  [['--entra-tenant', 'common', '--application', randomUUID()], 'names no tenant'],
  [['--entra-tenant', application, '--application', application], 'are equal'],
  [['--entra-tenant', randomUUID(), '--application', 'x'], '--application takes'],
  [[...ids, '--cloud', 'mars'], '--cloud takes global, us_government or china'],
  [[...ids, '--relying-party', 'x'], "x is no relying party's id"],
])('%j is refused with what it takes', async ([more, message]) => {
  const { code, stderr, stdout } = await countersign(...entra(...more))
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain(message)
})

const client = (...more: string[]) => [
  ...['integrations', 'create', 'oidc-code', '--name', 'Okta'],
  ...['--redirect-uri', 'https://id.example.com/callback', ...more],
]

test('a client of the code flow is created, with its secret where it has one', async () => {
  const door = await json(...client('--client-authentication', 'client_secret_basic'))
  expect(door).toMatchObject({
    kind: 'oidc_code',
    clientId: door.id,
    issuer: `${publicOrigin}/t/${tenantId}/oidc`,
    clientSecret: expect.stringMatching(/^[\w-]{43}$/),
    namespace: 'mail',
  })
  const { stdout } = await countersign(
    ...client('--client-authentication', 'client_secret_post', '--bare-login-hint'),
  )
  expect(stdout).toContain('where the browser can change it')
})

test('people without a device add one on the page only where that is ordered', async () => {
  const basic = ['--client-authentication', 'client_secret_basic']
  for (const words of [entra(...ids), client(...basic)]) {
    expect((await countersign(...words)).stdout).not.toContain('temporary code')
    const { stdout } = await countersign(...words, '--allow-enrollment')
    expect(stdout).toContain('adds a first one on the page: give them a temporary code')
  }
})

test('a client that signs has its public keys read from a file, and nothing private', async () => {
  const { publicJwk } = await createClientKey()
  const file = path.join(folder, 'keys.json')
  await writeFile(file, JSON.stringify({ keys: [publicJwk] }))
  expect(await json(...client('--keys', file))).not.toHaveProperty('clientSecret')
  await writeFile(file, JSON.stringify({ keys: [{ ...publicJwk, d: publicJwk.x }] }))
  expect((await countersign(...client('--keys', file))).stderr).toContain('public keys only')
  await writeFile(file, 'x')
  expect((await countersign(...client('--keys', file))).stderr).toContain('cannot be read')
  expect((await countersign(...client())).stderr).toContain('needs its public keys in jwks')
})

test('a redirect URI that no browser should be led to is refused', async () => {
  const basic = ['--client-authentication', 'client_secret_basic']
  const more = ['--redirect-uri', 'http://id.example.com/callback']
  const { code, stderr } = await countersign(...client(...basic, ...more))
  expect(code).toBe(1)
  expect(stderr).toContain('A redirect URI is https://')
})

test('another kind, or none, is refused, and help explains the options of a kind', async () => {
  for (const kind of ['saml', '']) {
    const { stderr } = await countersign('integrations', 'create', kind, '--name', 'x')
    expect(stderr).toContain('entra-external-mfa | oidc-code')
  }
  const { stdout } = await countersign('integrations', 'create', 'oidc-code', '--help')
  expect(stdout).toContain('--bare-login-hint')
  expect(stdout).not.toContain('--entra-tenant')
})

test('an origin that Entra does not reach is warned of', async () => {
  const local = { ...environment, PUBLIC_ORIGIN: 'http://localhost:3000' }
  const { stderr, code } = await runCommand(entra(...ids), local)
  expect(code).toBe(0)
  expect(stderr).toContain('PUBLIC_ORIGIN is not https')
})

test('the keys of ID tokens are rotated once in two days', async () => {
  expect((await countersign('oidc-keys', 'rotate')).stderr).toContain('no such keys yet')
  await onServer(database.url, (sql) =>
    sql.query(
      `insert into oidc_keys
         (tenant_id, kid, alg, public_jwk, certificate, private_sealed, signs_from)
       values ($1, 'k', 'RS256', '{}', '', '', now() - interval '1 day')`,
      [tenantId],
    ),
  )
  const rotation = await json('oidc-keys', 'rotate')
  expect(rotation).toEqual({
    kids: [expect.any(String), expect.any(String)],
    afterSeconds: 172_800,
  })
  expect((await countersign('oidc-keys', 'rotate')).stderr).toContain('wait for their time')
})
