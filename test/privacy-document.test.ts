// Holds docs/privacy.md against the schema, the export of a user, and the hosts in the code.

import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { statements } from '../src/platform/postgres/statement.ts'

const project = path.resolve(import.meta.dirname, '..')
const read = (file: string) => readFileSync(path.join(project, file), 'utf8')
const page = read('docs/privacy.md')

/** The tables named in the first column below this heading. */
function tablesUnder(heading: string): string[] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const cells = [...section.matchAll(/^\| (`[^|]+) \|/gm)].map(([, cell = '']) => cell)
  return cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)).sort()
}

beforeAll(async () => {
  await import('../src/personal-data/personal-data-export.sql.ts')
})

test('every table of the schema is on the page, once', () => {
  const tables = [...read('prisma/schema.prisma').matchAll(/@@map\("(\w+)"\)/g)].map(
    ([, name = '']) => name,
  )
  expect(tables.length).toBeGreaterThan(30)
  const pageTables = [...tablesUnder('About a person'), ...tablesUnder('Not about a person')]
  expect(pageTables.sort()).toEqual(tables.sort())
})

test('the tables about a person are those of the export of a user', () => {
  const exportNames = [...statements.keys()].filter((name) => name.startsWith('export_'))
  expect(exportNames.length).toBeGreaterThan(10)
  expect(tablesUnder('About a person')).toEqual(
    exportNames.map((name) => name.replace('export_', '')).sort(),
  )
})

test('the days on the page are those of the document of limits', () => {
  const daysIn = (text: string, row: RegExp) => row.exec(text)?.[1]
  const limits = read('docs/limits.md')
  const pairs = [
    [/^\| `challenges` .*?\| (\d+) days/m, /^\| ended challenges[^|]*\| (\d+)/m],
    [/^\| `activities` .*?\| (\d+) days/m, /^\| activities \| (\d+)/m],
    [/^\| `enrollments` .*?\| (\d+) days/m, /^\| enrollments after[^|]*\| (\d+)/m],
    [/^\| `reports` .*?\| (\d+) days/m, /^\| resolved reports \| (\d+)/m],
    [/^\| `diagnostics` .*?\| (\d+) days/m, /^\| diagnostics \| (\d+)/m],
    [/^\| `portal_sessions` .*?\| (\d+) days/m, /^\| portal links[^|]*\| (\d+)/m],
    [/^\| `single_use_codes` .*?\| (\d+) days/m, /^\| recovery codes after[^|]*\| (\d+)/m],
    [/^\| `webhook_deliveries` .*?\| (\d+) days/m, /^\| events to endpoints[^|]*\| (\d+)/m],
  ] as const
  for (const [onPage, inLimits] of pairs) {
    expect(daysIn(limits, inLimits), String(inLimits)).toMatch(/^\d+$/)
    expect(daysIn(page, onPage), String(onPage)).toBe(daysIn(limits, inLimits))
  }
})

/** Named, and never called: a scope of a token, a purpose in a certificate, a file to fetch. */
const namesOnly = ['www.googleapis.com', 'www.apple.com', 'android.googleapis.com']

test('no host of somebody else is named in the code that the page does not name', () => {
  const files = globSync('src/**/*.ts', { cwd: project, exclude: ['src/generated/**'] })
  const code = files
    .flatMap((file) => read(file).split('\n'))
    .filter((line) => !/^\s*(?:\/\/|\/?\*)/.test(line))
  const hosts = code.flatMap(
    (line) => line.match(/\b(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev)\b/g) ?? [],
  )
  const isOwn = (host: string) => /(?:^|\.)example\.(?:com|org|net)$/.test(host)
  const hostsElsewhere = [...new Set(hosts)].filter(
    (host) => !isOwn(host) && !namesOnly.includes(host) && !page.includes(host),
  )
  expect(hostsElsewhere).toEqual([])
  expect(hosts).toContain('oauth2.googleapis.com')
})
