// The rules of the source tree: which folder may import which, and how files are named and sized.

import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const project = path.resolve(import.meta.dirname, '..')
const program = path.join(project, 'node_modules/.bin/depcruise')
const require = createRequire(import.meta.url)
const { forbidden } = require('../.dependency-cruiser.cjs') as { forbidden: { name: string }[] }

type Report = {
  readonly modules: readonly { readonly source: string }[]
  readonly summary: {
    readonly violations: readonly {
      readonly from: string
      readonly to: string
      readonly rule: { readonly name: string }
    }[]
  }
}

/** Runs what `npm run architecture` runs, in the given tree, and parses its report. */
async function cruise(tree: string): Promise<Report> {
  const { scripts } = require('../package.json') as { scripts: { architecture: string } }
  const [, ...options] = scripts.architecture.split(' ')
  const json = await new Promise<string>((resolve, reject) => {
    execFile(
      process.execPath,
      [program, ...options, '--output-type', 'json'],
      { cwd: tree, maxBuffer: 100_000_000 },
      (error, stdout, stderr) => (stdout ? resolve(stdout) : reject(error ?? new Error(stderr))),
    )
  })
  return JSON.parse(json) as Report
}

const sources = (...patterns: string[]) =>
  globSync(patterns, { cwd: project })
    .map((file) => file.split(path.sep).join('/'))
    .filter((file) => !file.startsWith('src/generated/'))
    .sort()

const violationsOf = ({ summary }: Report) =>
  summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)

describe('the import rules on this project', () => {
  let report: Report
  beforeAll(async () => {
    report = await cruise(project)
  })

  test('cover every source file, so that "no violation" means something', () => {
    const moduleFiles = report.modules.map(({ source }) => source)
    const own = moduleFiles.filter((file) =>
      /^(src\/(?!generated\/)|simulator|demo|bench|clients|examples|web).*\.tsx?$/.test(file),
    )
    const all = sources('{src,simulator,demo,bench,clients,examples,web}/**/*.{ts,tsx}')
    expect(own.sort()).toEqual(all)
    expect(all.length).toBeGreaterThan(100)
  })

  test('are followed', () => {
    expect(violationsOf(report)).toEqual([])
  })
})

const everyClient = ['clients', 'clients/typescript'] as const

/** The nouns in their order: listed by hand here, so that a mistake in the tool's rules shows. */
const nouns = [
  'src/tenants',
  'src/users',
  'src/devices',
  'src/push',
  'src/activities',
  'src/protection',
  'src/challenges',
  'src/passcodes',
  'src/webhooks',
  'src/enrollments',
  'src/doors',
  'src/audit',
  'src/personal-data',
  'src/portal',
  'src/prompts',
] as const
const below = ['src/domain', 'src/platform'] as const

/** Which folder may import which. */
const law: Readonly<Record<string, readonly string[]>> = {
  'src/domain': ['src/domain'],
  'src/platform': below,
  ...Object.fromEntries(
    nouns.map((noun, index) => [noun, [...below, ...nouns.slice(0, index + 1)]]),
  ),
  'src/service': [...below, ...nouns, 'src/service'],
  simulator: ['simulator', ...everyClient],
  clients: everyClient,
  'clients/typescript': ['clients/typescript'],
  demo: ['demo', 'simulator', ...everyClient],
  examples: ['examples', ...everyClient],
  bench: ['bench', 'demo', 'simulator', ...everyClient],
  web: ['web', 'clients'],
}

const folders = [...Object.keys(law), 'src/generated', 'test', 'src']
const nameOf = (folder: string) => folder.replaceAll('/', '-')

const httpNeighbour = '../platform/http/neighbour.ts'

/**
 * One offending file for each rule that is about more than two folders: its name, place and import.
 */
const offences = [
  [
    'devices-imports-only-what-comes-before-it-but-for-the-end-of-challenges',
    'src/devices/knows-answers.sql.ts',
    '../challenges/answers/challenge-answers.sql.ts',
  ],
  [
    'protection-imports-only-what-comes-before-it-but-for-the-end-of-challenges',
    'src/protection/knows-answers.sql.ts',
    '../challenges/answers/challenge-answers.sql.ts',
  ],
  ['use-cases-know-no-role-below-or-above', 'src/users/knows-sql.ts', './users.sql.ts'],
  ['use-cases-know-no-role-below-or-above', 'src/users/knows-routes.ts', './users.routes.ts'],
  ['use-cases-know-no-role-below-or-above', 'src/push/knows-apple.ts', './apns/neighbour.ts'],
  ['use-cases-know-no-role-below-or-above', 'src/users/knows-http.ts', httpNeighbour],
  ['stores-are-types-of-the-domain', 'src/users/knows-case.store.ts', './neighbour.ts'],
  ['http-knows-no-sql-and-no-adapter', 'src/users/knows-sql.routes.ts', './users.sql.ts'],
  ['http-knows-no-sql-and-no-adapter', 'src/users/knows-sql.schemas.ts', './users.sql.ts'],
  ['sql-knows-no-http-and-no-use-case', 'src/users/knows-case.sql.ts', './neighbour.ts'],
  ['sql-knows-no-http-and-no-use-case', 'src/users/knows-routes.sql.ts', './users.routes.ts'],
  ['only-sql-knows-prisma-and-pg', 'src/push/knows-pg.adapter.ts', 'pg'],
  ['only-sql-knows-prisma-and-pg', 'src/push/knows-prisma.adapter.ts', '@prisma/client'],
  ['only-sql-knows-prisma-and-pg', 'src/users/knows-client.guard.ts', '../generated/neighbour.ts'],
  ['only-http-knows-fastify', 'src/push/knows-fastify.adapter.ts', 'fastify'],
  ['only-http-knows-fastify', 'src/users/knows-plugin.sql.ts', '@fastify/cookie'],
  ['only-adapters-know-push-libraries', 'src/push/knows-apn.sql.ts', '@parse/node-apn'],
  ['only-adapters-know-push-libraries', 'src/service/knows-fcm.ts', 'firebase-admin/messaging'],
  ['product-knows-nothing-outside-src', 'src/main.ts', '../simulator/neighbour.ts'],
  ['clients-stand-alone', 'clients/leans.ts', '../src/domain/neighbour.ts'],
  [
    'typescript-client-imports-only-itself-and-jose',
    'clients/typescript/src/knows-node.ts',
    'node:crypto',
  ],
  ['typescript-client-imports-only-itself-and-jose', 'clients/typescript/src/knows-zod.ts', 'zod'],
  ['simulator-knows-only-the-wire', 'simulator/leans.ts', '../src/domain/neighbour.ts'],
  ['examples-know-only-the-wire', 'examples/leans.ts', '../src/domain/neighbour.ts'],
  [
    'bare-model-takes-only-the-start-of-postgresql',
    'bench/bare/leans.ts',
    '../../src/domain/neighbour.ts',
  ],
  [
    'stored-takes-only-the-start-of-postgresql-and-the-names-of-statements',
    'bench/stored/leans.ts',
    '../../src/domain/neighbour.ts',
  ],
  ['everything-resolves', 'src/domain/lost.ts', './nowhere.ts'],
  ['no-cycles', 'src/domain/snake.ts', './tail.ts'],
  ['domain-imports-only-itself', 'src/domain/knows-zod.ts', 'zod'],
  ['domain-imports-only-itself', 'src/domain/knows-node.ts', 'node:crypto'],
  ['use-cases-and-stores-import-no-package-and-no-node-module', 'src/users/z.store.ts', 'zod'],
  ['use-cases-and-stores-import-no-package-and-no-node-module', 'src/users/n.ts', 'node:fs'],
] as const

describe('the import rules on a tree with planted faults', () => {
  let tree: string
  let violations: readonly string[]

  beforeAll(async () => {
    tree = await realpath(await mkdtemp(path.join(tmpdir(), 'cs-law-')))
    for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) {
      await cp(path.join(project, file), path.join(tree, file))
    }
    await symlink(path.join(project, 'node_modules'), path.join(tree, 'node_modules'))
    const plant = async (file: string, code: string) => {
      await mkdir(path.dirname(path.join(tree, file)), { recursive: true })
      await writeFile(path.join(tree, file), `${code}\n`)
    }
    for (const folder of folders) {
      await plant(`${folder}/neighbour.ts`, 'export const here = true')
      for (const other of folders) {
        const target = path.posix.relative(folder, `${other}/neighbour.ts`)
        const relative = target.startsWith('.') ? target : `./${target}`
        await plant(`${folder}/imports-${nameOf(other)}.ts`, `import type {} from '${relative}'`)
      }
    }
    for (const file of [
      'challenges/answers/challenge-answers.sql.ts',
      'challenges/challenge-cancellation.sql.ts',
      'users/users.sql.ts',
      'users/users.routes.ts',
      'push/apns/neighbour.ts',
      'platform/http/neighbour.ts',
    ])
      await plant(`src/${file}`, 'export const here = 1')
    const endOfChallenges = '../challenges/challenge-cancellation.sql.ts'
    for (const noun of ['devices', 'protection'])
      await plant(`src/${noun}/ends-challenges.sql.ts`, `import '${endOfChallenges}'`)
    for (const [, file, target] of offences) await plant(file, `import '${target}'`)
    await plant('src/domain/tail.ts', `import './snake.ts'`)
    violations = violationsOf(await cruise(tree))
  })

  afterAll(() => rm(tree, { recursive: true, force: true }))

  const isReported = (from: string, to: string) =>
    violations.some((line) => line.endsWith(`: ${from} -> ${to}`))

  for (const [folder, may] of Object.entries(law)) {
    test(`${folder} imports ${may.join(', ')} and nothing else`, () => {
      const forbiddenFolders = folders.filter((other) =>
        isReported(`${folder}/imports-${nameOf(other)}.ts`, `${other}/neighbour.ts`),
      )
      const others = folders.filter((other) => !(may as readonly string[]).includes(other))
      expect(forbiddenFolders.sort()).toEqual(others.sort())
    })
  }

  test.each(offences)('%s reports %s', (rule, file) => {
    expect(violations.filter((line) => line.startsWith(`${rule}: ${file} -> `))).toHaveLength(1)
  })

  test('let what ends a device end its challenges', () => {
    expect(violations.filter((line) => line.includes('/ends-challenges.sql.ts'))).toEqual([])
  })

  test('have no rule that reported nothing', () => {
    const reportedRules = new Set(violations.map((line) => line.split(': ')[0]))
    expect(forbidden.map(({ name }) => name).filter((name) => !reportedRules.has(name))).toEqual([])
  })
})

test('files of tests have at most 400 lines', async () => {
  const files = sources('test/**/*.test.ts')
  expect(files.length).toBeGreaterThan(100)
  const texts = await Promise.all(files.map((file) => readFile(path.join(project, file), 'utf8')))
  const sizes = texts.map((text, index) => ({
    file: files[index],
    lines: text.split('\n').length - 1,
  }))
  const longFiles = sizes.filter(({ lines }) => lines > 400)
  expect(longFiles.map(({ file, lines }) => `${file}: ${lines}`)).toEqual([])
})

describe('files of src', () => {
  const files = sources('src/**/*.ts').map((file) => ({ file, text: '', lines: 0 }))
  beforeAll(async () => {
    for (const entry of files) {
      entry.text = await readFile(path.join(project, entry.file), 'utf8')
      entry.lines = entry.text.split('\n').length - 1
    }
  })

  test('have at most 300 lines', () => {
    const longFiles = files.filter(({ lines }) => lines > 300)
    expect(longFiles.map(({ file, lines }) => `${file}: ${lines}`)).toEqual([])
  })

  test('are named after what they hold, in kebab-case', () => {
    const vague = /(^|[/-])(utils?|helpers?|common|managers?|services?|index|misc)\.ts$/
    const kebab =
      /^src\/([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*(\.(store|sql|rows|routes|schemas|guard|http|adapter))?\.ts$/
    const odd = files.filter(({ file }) => vague.test(file) || !kebab.test(file))
    expect(odd.map(({ file }) => file)).toEqual([])
  })

  test('are at most 30 in a folder, but for the domain', () => {
    const folders = Map.groupBy(files, ({ file }) => path.posix.dirname(file))
    const full = [...folders].filter(
      ([name, inside]) => name !== 'src/domain' && inside.length > 30,
    )
    expect(full.map(([name, inside]) => `${name}: ${inside.length}`)).toEqual([])
  })

  test('have no default export', () => {
    expect(filesWith(/^export default\b|\bas default\b/m)).toEqual([])
  })

  test('take randomness from the operating system, never from Math.random', () => {
    expect(filesWith(/\bMath\s*\.\s*random\b/)).toEqual([])
  })

  test('read the environment in config only', () => {
    const readers = filesWith(/\bprocess\.env\b/)
    const allowedReaders = [
      'src/main.ts',
      'src/cli.ts',
      // What a PostgreSQL program receives: PATH and, on Windows, the rest.
      'src/platform/postgres/embedded/embedded-postgres-account.ts',
    ]
    expect(readers.filter((file) => !allowedReaders.includes(file))).toEqual([])
  })

  const filesWith = (pattern: RegExp) =>
    files.filter(({ text }) => pattern.test(text)).map(({ file }) => file)
})
