import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { createMigration, differenceIn } from '../../../scripts/schema.ts'
import { checksOf } from '../../../scripts/schema-checks.ts'
import { createEmptyDatabase } from '../../support/database.ts'

const base = await mkdtemp(path.join(tmpdir(), 'cs-schema-'))
afterAll(() => rm(base, { recursive: true }))
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(base, 'case-'))
  await write(
    schemaOf(`status String /// kept\n  /// check: status in ('open', 'closed'). Nothing else.`),
  )
})

const schemaOf = (fields: string) => `
generator client {
  provider = "prisma-client"
  previewFeatures = ["partialIndexes"]
}
datasource db {
  provider = "postgresql"
}
model Owner {
  id String @id
  items Item[]
  @@map("owners")
}
model Item {
  id String @id
  ownerId String @map("owner_id")
  owner Owner @relation(fields: [ownerId], references: [id])
  ${fields}
  @@index([ownerId], where: raw("owner_id <> ''"))
  @@map("items")
}
`

function write(schema: string): Promise<void> {
  return writeFile(path.join(folder, 'schema.prisma'), schema)
}

async function difference(): Promise<string> {
  await using database = await createEmptyDatabase()
  return await differenceIn(folder, database.url)
}

async function create(name: string): Promise<string | undefined> {
  await using database = await createEmptyDatabase()
  return await createMigration(folder, database.url, name)
}

test('the schema and the migrations of this repository agree', async () => {
  await cp('prisma', folder, { recursive: true })
  expect(await difference()).toBe('')
})

test('the command exits 0 for them, on a database server of its own', async () => {
  const script = path.resolve('scripts/schema.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [script, 'check'])
  expect(stdout).toContain('agree')
})

test('a column, key or index that only one side has is reported as SQL', async () => {
  await create('init')
  expect(await difference()).toBe('')
  await write(schemaOf('status String\n  note String?'))
  expect(await difference()).toContain('ALTER TABLE "items" ADD COLUMN     "note" TEXT;')
  await write(
    (await readSchema()).replace('references: [id]', 'references: [id], onDelete: Cascade'),
  )
  expect(await difference()).toContain('ON DELETE CASCADE')
  await write((await readSchema()).replace(`owner_id <> ''`, `owner_id <> 'x'`))
  expect(await difference()).toContain('DROP INDEX')
})

test('a check on one side only is reported as SQL, although Prisma does not see it', async () => {
  await create('init')
  await write(schemaOf(`status String\n  /// check: status in ('open', 'shut')`))
  expect(await difference()).toBe(
    `-- Checks
ALTER TABLE "items" DROP CONSTRAINT "items_status_check";
ALTER TABLE "items" ADD CONSTRAINT "items_status_check" CHECK (status in ('open', 'shut'));
`,
  )
})

test('a check that is no SQL is refused by its text', async () => {
  await write(schemaOf(`status String\n  /// check: status within reason`))
  await expect(difference()).rejects.toThrow('"check: status within reason" on items')
})

test('the created migration makes both sides agree, and leaves nothing to create', async () => {
  const name = await create('init')
  expect(name).toMatch(/^\d{14}_init$/)
  expect(await readFile(path.join(folder, 'migrations/migration_lock.toml'), 'utf8')).toContain(
    'provider = "postgresql"',
  )
  expect(await difference()).toBe('')
  expect(await create('more')).toBeUndefined()
})

test('a check comment ends at the first full stop or semicolon outside quotes', () => {
  const schema = `/// check: a <> b
/// Not a check: b
model A {
  /// check: a in ('x.y', 'z;'). For the reader.
  a String
  /// check: length(b) > 2; see there.
  b String
}

/// check: c < d
model C {
  /// check: c > 0
  c Int
  @@map("cs")
}
`
  expect(checksOf(schema)).toEqual([
    { table: 'A', expression: 'a <> b' },
    { table: 'A', expression: `a in ('x.y', 'z;')` },
    { table: 'A', expression: 'length(b) > 2' },
    { table: 'cs', expression: 'c < d' },
    { table: 'cs', expression: 'c > 0' },
  ])
})

test('two checks that begin with the same column get names of their own', async () => {
  await write(schemaOf(`status String\n  /// check: status <> ''\n  /// check: status <> id`))
  await create('init')
  expect(await difference()).toBe('')
  await write((await readSchema()).replace("/// check: status <> ''", "/// check: status <> 'x'"))
  expect(await difference()).toBe(
    `-- Checks
ALTER TABLE "items" DROP CONSTRAINT "items_status_check";
ALTER TABLE "items" ADD CONSTRAINT "items_status_check" CHECK (status <> 'x');
`,
  )
})

function readSchema(): Promise<string> {
  return readFile(path.join(folder, 'schema.prisma'), 'utf8')
}
