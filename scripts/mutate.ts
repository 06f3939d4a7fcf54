// Mutation testing: changes the code, one small change at a time, and expects a test to fail. What
// survives shows a guarantee that no test holds (docs/mutation-testing.md).

import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { mutantsOf } from './mutation/code-mutants.ts'
import { isNamed, readEquivalents } from './mutation/equivalents.ts'
import { findImportingTests } from './mutation/importing-tests.ts'
import { changedLines, type Mutant } from './mutation/mutant.ts'
import { sample } from './mutation/sample.ts'
import { startTestRunner } from './mutation/test-runner.ts'
import { buildTrials } from './mutation/trial.ts'

const project = path.resolve(import.meta.dirname, '..')

const usage = `npm run mutate -- [options]

--files <glob>   files to mutate, may be repeated; src/domain/*.ts without it
--limit <n>      at most so many mutants, from every file as many as from any other
--seed <n>       which ones; 1 without it
--tests <n>      test files that a mutant must survive, nearest first; 8 without it
--list           only print the mutants`

type Target = { readonly file: string; readonly mutant: Mutant }

function positive(name: string, text: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && number > 0) return number
  throw new Error(`--${name} must be a whole number above zero\n\n${usage}`)
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      files: { type: 'string', multiple: true, default: ['src/domain/*.ts'] },
      limit: { type: 'string', default: `${Number.MAX_SAFE_INTEGER}` },
      seed: { type: 'string', default: '1' },
      tests: { type: 'string', default: '8' },
      list: { type: 'boolean', default: false },
    },
  })
  const files = globSync(values.files, { cwd: project }).toSorted()
  if (files.length === 0) throw new Error(`--files names no file\n\n${usage}`)
  const limit = positive('limit', values.limit)
  const seed = positive('seed', values.seed)
  return { files, limit, seed, testsMax: positive('tests', values.tests), list: values.list }
}

/** All mutants of these files but those that are named as equivalent. */
function targetsIn(files: readonly string[]): Target[][] {
  const equivalents = readEquivalents(project)
  return files.map((file) => {
    const text = readFileSync(path.join(project, file), 'utf8')
    return mutantsOf(file, text)
      .filter((mutant) => !isNamed(equivalents, file, changedLines(text, mutant)))
      .map((mutant) => ({ file, mutant }))
  })
}

/** A copy of the checkout as it is, with what is not committed, beside the same packages. */
async function copyProject(undo: AsyncDisposableStack): Promise<string> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'countersign-mutate-')))
  undo.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z']
  const names = execFileSync('git', list, { cwd: project, encoding: 'utf8' })
  for (const name of [...names.split('\0').filter(Boolean), 'src/generated']) {
    const source = path.join(project, name)
    await cp(source, path.join(folder, name), { recursive: true }).catch(ifMissing)
  }
  await symlink(path.join(project, 'node_modules'), path.join(folder, 'node_modules'))
  return folder
}

/** Git also lists what was removed and not committed. */
function ifMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}

function describe({ file, mutant }: Target): string {
  const text = readFileSync(path.join(project, file), 'utf8')
  const { line, was, becomes } = changedLines(text, mutant)
  return `${file}:${line} ${mutant.change}\n    - ${was}\n    + ${becomes}`
}

async function tryAll(targets: readonly Target[], testsMax: number): Promise<Target[]> {
  await using undo = new AsyncDisposableStack()
  const folder = await copyProject(undo)
  const runner = undo.use(startTestRunner(folder))
  const { tryMutant, unusableTests } = buildTrials(folder, runner)
  const testsOf = findImportingTests(project)
  const survivors: Target[] = []
  for (const [index, target] of targets.entries()) {
    const { file, mutant } = target
    const outcome = await tryMutant(file, mutant, testsOf(file).slice(0, testsMax))
    const result =
      outcome.kind === 'killed' ? `killed by ${outcome.by}` : `SURVIVED ${outcome.tests} test files`
    console.log(`${index + 1}/${targets.length} ${describe(target)}\n    ${result}`)
    if (outcome.kind === 'survived') survivors.push(target)
  }
  for (const test of unusableTests) console.log(`not used, it fails without a mutant: ${test}`)
  return survivors
}

async function main(): Promise<number> {
  const { files, limit, seed, testsMax, list } = readOptions()
  const targets = sample(targetsIn(files), limit, seed).flat()
  if (list) {
    for (const target of targets) console.log(describe(target))
    return 0
  }
  const startedAt = performance.now()
  const survivors = await tryAll(targets, testsMax)
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  const kills = targets.length - survivors.length
  console.log(`\n${targets.length} mutants in ${seconds} s: ${kills} killed`)
  console.log(`${survivors.length} survived`)
  for (const target of survivors) console.log(describe(target))
  return survivors.length > 0 ? 1 : 0
}

process.exitCode = await main()
