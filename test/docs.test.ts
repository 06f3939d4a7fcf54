// What the documents name exists.

import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'

const project = path.resolve(import.meta.dirname, '..')
const read = (file: string) => readFileSync(path.join(project, file), 'utf8')
const documents = globSync(['*.md', '{docs,simulator,demo,bench,clients,examples}/**/*.md'], {
  cwd: project,
})
const sources = globSync('src/**/*.ts', { cwd: project, exclude: ['src/generated'] })
  .map(read)
  .join('\n')
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

/** The anchor that a heading gets, as GitHub makes it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')

function brokenLinks(document: string): string[] {
  const links = [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  return links.filter((target) => {
    if (/^https?:/.test(target)) return false
    const [file = '', anchor] = target.split('#')
    const place = file === '' ? document : path.join(path.dirname(document), file)
    if (!existsSync(path.join(project, place))) return true
    if (anchor === undefined || !place.endsWith('.md')) return false
    const headings = [...read(place).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading)
    return !headings.map(anchorOf).includes(anchor)
  })
}

describe.each(documents)('%s', (document) => {
  test('links to nothing that is not there', () => {
    expect(brokenLinks(document)).toEqual([])
  })

  test('names no command of npm that is not there', () => {
    const named = [...read(document).matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name)
    expect(named.filter((name) => !(name in scripts))).toEqual([])
  })

  test('names no file that is not there', () => {
    const named = [...read(document).matchAll(/`((?:src|test|docs|scripts|prisma)\/[\w./-]+)`/g)]
    const files = named.map(([, file = '']) => file)
    expect(files.filter((file) => !existsSync(path.join(project, file)))).toEqual([])
  })
})

test('every number of a decision is a page, or said never to have been given', () => {
  const names = globSync('docs/decisions/[0-9]*.md', { cwd: project }).map((one) =>
    path.basename(one),
  )
  const [, said = ''] =
    /The numbers ([\d and,]+) were never given/.exec(read('docs/decisions/README.md')) ?? []
  const known = [
    ...names.map((name) => Number(name.slice(0, 4))),
    ...(said.match(/\d+/g) ?? []).map(Number),
  ]
  const upTo25 = Array.from({ length: 25 }, (_, at) => at + 1)
  expect(upTo25.filter((number) => known.filter((one) => one === number).length !== 1)).toEqual([])
})

test('the runbook knows every metric, and none that is not there', () => {
  const metrics = (text: string) => [...new Set(text.match(/countersign_[a-z_]+/g))].sort()
  expect(metrics(read('docs/runbook.md'))).toEqual(metrics(read('src/outbound/metrics.ts')))
})

test('the log lines that the runbook explains are written by the service', () => {
  const [, table = ''] = read('docs/runbook.md').split('| message | meaning |')
  const lines = [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, line = '']) => line)
  expect(lines.length).toBeGreaterThan(3)
  expect(lines.filter((line) => !sources.includes(line))).toEqual([])
})

test('the glossary says a word once', () => {
  const words = [...read('docs/glossary.md').matchAll(/^\| ([a-z ]+) \|/gm)].map(([, word]) => word)
  expect(words.length).toBeGreaterThan(10)
  expect(new Set(words).size).toBe(words.length)
})
