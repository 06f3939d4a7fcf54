// A fault that stops a start is reported in one line that says what to do.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { onServer } from './support/cluster.ts'
import { createEmptyDatabase, createTestDatabase } from './support/database.ts'
import { startHere } from './support/service-start.ts'

vi.setConfig({ testTimeout: 120_000 })

const MASTER_KEY = Buffer.alloc(32, 9).toString('base64url')
type Environment = Readonly<Record<string, string>>

async function folder(stack: AsyncDisposableStack): Promise<string> {
  const folderPath = await mkdtemp(path.join(tmpdir(), 'cs-fault-'))
  stack.defer(() => rm(folderPath, { recursive: true, force: true }))
  return folderPath
}

/** A database of another owner, and a role without rights of its own. */
async function foreignDatabase(
  stack: AsyncDisposableStack,
  create: typeof createEmptyDatabase,
  more: (role: string) => readonly string[] = () => [],
): Promise<Environment> {
  const { url } = stack.use(await create())
  const role = `stranger_${new URL(url).pathname.slice(-12)}`
  const run = (texts: readonly string[]) =>
    onServer(url, async (client) => {
      for (const text of texts) await client.query(text)
    })
  await run([`create role ${role} login password 'x'`, ...more(role)])
  stack.defer(() => run([`drop owned by ${role}`, `drop role ${role}`]))
  const own = new URL(url)
  own.username = role
  own.password = 'x'
  return { DATABASE_URL: own.href, MASTER_KEY }
}

type Case = readonly [
  what: string,
  prepare: (stack: AsyncDisposableStack) => Promise<Environment>,
  says: RegExp,
]

const cases: readonly Case[] = [
  [
    'a role that may create nothing in the schema',
    (stack) => foreignDatabase(stack, createEmptyDatabase),
    /^DATABASE_URL: the role \S+ may not make tables in the schema public\. .* run: grant usage, create on schema "public" to "\S+"; or name .*\.$/,
  ],
  [
    'a role that may not use the schema',
    (stack) =>
      foreignDatabase(stack, createEmptyDatabase, () => [
        'revoke usage on schema public from public',
      ]),
    /^DATABASE_URL: the role \S+ may not use the schema public\. .*\.$/,
  ],
  [
    'a schema that is missing and that the role may not create',
    async (stack) => ({
      ...(await foreignDatabase(stack, createEmptyDatabase)),
      DATABASE_SCHEMA: 'ours',
    }),
    /^DATABASE_URL: there is no schema ours .* run: create schema "ours" authorization "\S+"\.$/,
  ],
  [
    'tables of another owner',
    (stack) => foreignDatabase(stack, createTestDatabase),
    /^DATABASE_URL: it says: permission denied for table \S+ \(SQLSTATE 42501\): give the role .*\.$/,
  ],
  [
    'a folder for data that is a file',
    async (stack) => {
      const file = path.join(await folder(stack), 'file')
      await writeFile(file, '')
      return { DATA_FOLDER: file }
    },
    /^\/\S+ (lies below something that is no folder|is there already, and is something else)\.$/,
  ],
  [
    'a master key that is none',
    async (stack) => {
      const { url } = stack.use(await createEmptyDatabase())
      const DATA_FOLDER = await folder(stack)
      await writeFile(path.join(DATA_FOLDER, 'master.key'), 'x')
      return { DATABASE_URL: url, MASTER_KEY: 'x', DATA_FOLDER }
    },
    /^The configuration is wrong:\n {2}- MASTER_KEY: must be 32 bytes/,
  ],
  [
    'a master key in the folder that is a folder',
    async (stack) => {
      const DATA_FOLDER = await folder(stack)
      await mkdir(path.join(DATA_FOLDER, 'master.key'))
      return { DATA_FOLDER }
    },
    /^\S+master\.key cannot be read \(EISDIR\): it must be a file of this user\.$/,
  ],
  [
    "an address that names a schema in Prisma's way",
    async () => ({ DATABASE_URL: 'postgresql://localhost/x?schema=ours', MASTER_KEY }),
    /^The configuration is wrong:\n {2}- DATABASE_URL: names a schema; name it with DATABASE_SCHEMA instead$/,
  ],
  [
    'an APNs key that cannot be read',
    async (stack) => {
      const { url } = stack.use(await createEmptyDatabase())
      return {
        DATABASE_URL: url,
        MASTER_KEY,
        APNS_KEY: '-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----',
        APNS_KEY_ID: 'ABCDEFGHIJ',
        APNS_TEAM_ID: 'ABCDEFGHIJ',
        APNS_BUNDLE_ID: 'com.example',
      }
    },
    /^APNs key: not a P-256 private key in PEM; use the \.p8 file .*$/,
  ],
  [
    'an FCM service account whose key cannot be read',
    async (stack) => {
      const { url } = stack.use(await createEmptyDatabase())
      const account = {
        project_id: 'p',
        client_email: 'a@b.example',
        private_key: '-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----',
        private_key_id: 'k',
      }
      const FCM_SERVICE_ACCOUNT = JSON.stringify(account)
      return { DATABASE_URL: url, MASTER_KEY, FCM_SERVICE_ACCOUNT, FCM_APP_ID: 'com.example' }
    },
    /^FCM service account: private_key is not an RSA key in PEM; .*$/,
  ],
]

test.each(cases)('%s: one line, no stack, and nothing runs', async (_, prepare, says) => {
  await using stack = new AsyncDisposableStack()
  const environment = { ...(await prepare(stack)), PORT: '0', LOG_LEVEL: 'silent' }
  const start = stack.use(await startHere(environment))
  expect(start.code).toBe(1)
  expect(start.stderr.trimEnd()).toMatch(says)
  expect(start.stderr).not.toMatch(/^\s+at /m)
  expect(start.stdout).toBe('')
})
