// What the documents refer to exists.

import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { variables } from '../src/service/config-variables.ts'

const project = path.resolve(import.meta.dirname, '..')
const read = (file: string) => readFileSync(path.join(project, file), 'utf8')
const documents = globSync(['*.md', '{docs,simulator,demo,bench,clients,examples}/**/*.md'], {
  cwd: project,
})
const sources = globSync('src/**/*.ts', { cwd: project, exclude: ['src/generated'] })
  .map(read)
  .join('\n')
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

/** A route with its places unnamed: `/v1/users/{}`. */
const anyPlace = (route: string) =>
  route.replaceAll(/\{[^}]*\}|\b[a-z]+_\.{3}/g, '{}').replace(/\/$/, '')

/** Every operation of openapi.yaml, as `GET /v1/users/{}`. */
const operations = new Set(
  read('openapi.yaml')
    .split(/^ {2}(?=\/)/m)
    .slice(1)
    .flatMap((path) => {
      const route = path.slice(0, path.indexOf(':\n'))
      const methods = [...path.matchAll(/^ {4}(get|post|put|patch|delete):$/gm)]
      return methods.map(([, method = '']) => `${method.toUpperCase()} ${anyPlace(route)}`)
    }),
)

/** The anchor of a heading, as GitHub builds it. */
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
  test('links to nothing that is missing', () => {
    expect(brokenLinks(document)).toEqual([])
  })

  test('names no npm command that is missing', () => {
    const scriptNames = [...read(document).matchAll(/npm run ([\w:-]+)/g)].map(
      ([, name = '']) => name,
    )
    expect(scriptNames.filter((name) => !(name in scripts))).toEqual([])
  })

  test('names no call of the server API that is missing', () => {
    const calls = [
      ...read(document).matchAll(/`(GET|POST|PUT|PATCH|DELETE) (\/v1\/[^`?\s]*)/g),
    ].map(([, method = '', route = '']) => `${method} ${anyPlace(route)}`)
    expect(calls.filter((call) => !operations.has(call))).toEqual([])
  })

  test('names no variable of the configuration that is missing', () => {
    const names = [...read(document).matchAll(/`((?:APNS|FCM|DATABASE|WEBHOOK|ISSUER)_[A-Z_]+)`/g)]
    expect(names.map(([, name = '']) => name).filter((name) => !(name in variables))).toEqual([])
  })

  test('names no file that is missing', () => {
    const matches = [...read(document).matchAll(/`((?:src|test|docs|scripts|prisma)\/[\w./-]+)`/g)]
    const files = matches.map(([, file = '']) => file)
    expect(files.filter((file) => !existsSync(path.join(project, file)))).toEqual([])
  })
})

test('the index by reader leads to every page of docs', () => {
  const links = [...read('docs/README.md').matchAll(/\]\(([^)#\s]+)/g)].map(([, target = '']) =>
    path.join('docs', target),
  )
  const pages = documents.filter((file) => /^docs\/(?!decisions\/0)/.test(file))
  expect(pages.length).toBeGreaterThan(20)
  expect(pages.filter((page) => page !== 'docs/README.md' && !links.includes(page))).toEqual([])
})

test('the map of CONTRIBUTING proves each task with tests and commands that exist', () => {
  const [, table = ''] = read('CONTRIBUTING.md').split('| task | files | proof |')
  const rows = (table.split('\n\n')[0] ?? '').split('\n').slice(2)
  expect(rows.length).toBeGreaterThan(10)
  const faults = rows.flatMap((row) => {
    const proof = row.split('|').at(-2) ?? ''
    const paths = proof.match(/test\/[\w./-]+/g) ?? []
    const isProven = paths.length > 0 || proof.includes('npm run')
    return [
      ...paths.filter((one) => !existsSync(path.join(project, one))),
      ...(isProven ? [] : [row]),
    ]
  })
  expect(faults).toEqual([])
})

test('every number of a decision has a page, or is listed as never used', () => {
  const names = globSync('docs/decisions/[0-9]*.md', { cwd: project }).map((one) =>
    path.basename(one),
  )
  const [, neverUsed = ''] =
    /The numbers ([\d and,]+) were never given/.exec(read('docs/decisions/README.md')) ?? []
  const accountedFor = [
    ...names.map((name) => Number(name.slice(0, 4))),
    ...(neverUsed.match(/\d+/g) ?? []).map(Number),
  ]
  const upTo25 = Array.from({ length: 25 }, (_, at) => at + 1)
  expect(
    upTo25.filter((number) => accountedFor.filter((one) => one === number).length !== 1),
  ).toEqual([])
})

test('the runbook lists every metric, and none that does not exist', () => {
  const metrics = (text: string) => [...new Set(text.match(/countersign_[a-z_]+/g))].sort()
  expect(metrics(read('docs/runbook.md'))).toEqual(metrics(read('src/platform/net/metrics.ts')))
})

test('the log lines that the runbook explains are written by the service', () => {
  const [, table = ''] = read('docs/runbook.md').split('| message | meaning |')
  const lines = [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, line = '']) => line)
  expect(lines.length).toBeGreaterThan(3)
  expect(lines.filter((line) => !sources.includes(line))).toEqual([])
})

test('the glossary defines a word once', () => {
  const terms = [...read('docs/glossary.md').matchAll(/^\| ([a-z ]+) \|/gm)].map(([, word]) => word)
  expect(terms.length).toBeGreaterThan(10)
  expect(new Set(terms).size).toBe(terms.length)
})

/**
 * The functions that a page names (`name()`), each with the source that the page linked to last; a
 * declaration of that name is looked for there.
 */
function missingFunctions(document: string): string[] {
  let source = ''
  return [...read(document).matchAll(/\]\(([^)\s]+)\)|`(\w+)\(\)`/g)].flatMap(
    ([, target, name]) => {
      if (target?.endsWith('.ts')) source = path.join(path.dirname(document), target)
      if (name === undefined) return []
      const declaration = new RegExp(`^(?:export )?(?:async )?(?:function|const) ${name}\\b`, 'm')
      return source !== '' && declaration.test(read(source)) ? [] : [`${name} in ${source}`]
    },
  )
}

test('the tour names only functions that are in the file that it shows', () => {
  const names = [...read('docs/tour.md').matchAll(/`\w+\(\)`/g)]
  expect(names.length).toBeGreaterThan(25)
  expect(missingFunctions('docs/tour.md')).toEqual([])
})

test('the how-tos use only commands that the program has', async () => {
  const pages = documents.filter((file) => /how-to|runbook/.test(file))
  const commands = pages.flatMap((file) =>
    [...read(file).matchAll(/^ *(?:\w+=\$\()*(?:countersign|cli) ([a-z-]+ ?[a-z-]*)/gm)].map(
      ([, command = '']) => command.trim(),
    ),
  )
  expect(commands.length).toBeGreaterThan(10)
  const usage = read('src/service/cli/cli-usage.ts')
  expect([...new Set(commands)].filter((command) => !usage.includes(`  ${command}`))).toEqual([])
})
