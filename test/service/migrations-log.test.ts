import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import pino from 'pino'
import { expect, test } from 'vitest'
import { readConfig } from '../../src/service/config.ts'
import { openMigratedDatabase } from '../../src/service/open-database.ts'
import { createEmptyDatabase } from '../support/database.ts'

test('a start logs how many migrations it applied and the last one, and nothing where none was due', async () => {
  await using empty = await createEmptyDatabase()
  const config = readConfig({
    DATABASE_URL: empty.url,
    MASTER_KEY: randomBytes(32).toString('base64url'),
  })
  const lines: string[] = []
  const open = async () =>
    (await openMigratedDatabase(config, pino({}, { write: (line) => lines.push(line) }))).close()
  await open()
  const entries = await readdir(path.resolve('prisma/migrations'), { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const migrationLines = () => lines.filter((line) => line.includes('migrations applied'))
  expect(migrationLines().map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ count: names.length, last: names.toSorted().at(-1) }),
  ])
  expect(migrationLines().join('')).not.toContain(names.toSorted()[0])
  await open()
  expect(migrationLines()).toHaveLength(1)
})
