import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { mutantsOf } from '../../scripts/mutation/code-mutants.ts'
import { readEquivalents, staleEquivalents } from '../../scripts/mutation/equivalents.ts'
import { findImportingTests } from '../../scripts/mutation/importing-tests.ts'
import { changedLines, mutatedText } from '../../scripts/mutation/mutant.ts'
import { sample } from '../../scripts/mutation/sample.ts'
import { startTestRunner } from '../../scripts/mutation/test-runner.ts'
import { buildTrials } from '../../scripts/mutation/trial.ts'

const project = path.resolve(import.meta.dirname, '..', '..')
const mutationsOf = (text: string, file = 'rule.ts') =>
  mutantsOf(file, text).map((mutant) => changedLines(text, mutant).becomes)
const sqlMutationsOf = (sql: string) =>
  mutationsOf(`const text = \`${sql}\``, 'rows.sql.ts').map((line) =>
    line.replace(/^const text = `(.*?) *`$/, '$1'),
  )

describe('code is changed where a rule can be wrong', () => {
  test.each([
    ['a bound', 'const is = a < b', ['const is = a <= b']],
    ['a comparison', 'const is = a === b', ['const is = a !== b']],
    ['a conjunction', 'const is = a && b', ['const is = a || b']],
    ['a default', 'const it = a ?? b', ['const it = (a)']],
    ['a choice', 'const it = is ? a : b', ['const it = (a)', 'const it = (b)']],
    ['a negation', 'const is = !a', ['const is = a']],
    ['a figure', 'const max = 1_000', ['const max = 1001']],
    ['a constant', 'const is = true', ['const is = false']],
    ['a guard', 'if (a) return b', ['{}']],
    ['a guard with another way', 'if (a) throw b; else c()', ['c()', 'if (a) throw b; else {}']],
    ['a condition', 'if (a) { let b }', ['if (true) { let b }', 'if (false) { let b }']],
    ['a call', 'audit(event)', ['{}']],
    ['a quantifier', 'const is = all.every(is)', ['const is = all.some(is)']],
    ['a filter', 'const rest = all.filter(is)', ['const rest = all']],
  ])('%s: %s', (_, text, mutations) => {
    expect(mutationsOf(text)).toEqual(mutations)
  })

  test('but neither types nor imports', () => {
    const text = `import a from './a.ts'\ntype Digits = 6 | true\nconst digits: 8 | 9 = a as 8`
    expect(mutationsOf(text)).toEqual([])
  })
})

describe('SQL is changed where a statement can be wrong', () => {
  test.each([
    ['a comparison', 'where a < :b', ['where true', 'where a <= :b']],
    ['a lock', 'select a for update of c', ['select a']],
    ['a bound', 'select greatest(a, b)', ['select least(a, b)']],
    ['a null', 'case when a is null', ['case when a is not null']],
    [
      'the clock after a lock',
      'case when a > clock_timestamp()',
      ['case when a >= clock_timestamp()', 'case when a > now()'],
    ],
    ['each condition', 'where a() and b()', ['where true and b()', 'where a()']],
    ['an alternative', 'where (a() or b())', ['where true', 'where (a() and b())']],
    [
      'a condition with its brackets and its range',
      'where a() and b between 1 and (2) and c()',
      [
        'where true and b between 1 and (2) and c()',
        'where a() and c()',
        'where a() and b between 1 and (2)',
      ],
    ],
  ])('%s: %s', (_, sql, mutations) => {
    expect(sqlMutationsOf(sql)).toEqual(mutations)
  })

  test('what a statement assigns, quotes or comments stays', () => {
    expect(sqlMutationsOf("update a set b = :c, d = 'e < f' -- g = h")).toEqual([])
  })
})

test('every mutant changes the text, and only between its ends', () => {
  const text = 'const first = a < b\nconst second = c'
  for (const mutant of mutantsOf('rule.ts', text)) {
    expect(mutatedText(text, mutant)).not.toBe(text)
    expect(mutatedText(text, mutant)).toContain('\nconst second = c')
  }
})

test('a sample is the same for a seed, and takes from each file as many as from any other', () => {
  const files = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [10], [11, 12, 13, 14, 15, 16]]
  const first = sample(files, 7, 1)
  expect(first.map(({ length }) => length)).toEqual([3, 1, 3])
  expect(sample(files, 7, 1)).toEqual(first)
  expect(sample(files, 7, 2)).not.toEqual(first)
  expect(sample(files, 100, 1)).toEqual(files)
})

test('the tests of a file are those that load it, the one that is called like it first', () => {
  const tests = findImportingTests(project)('src/domain/initiator.ts')
  expect(tests[0]).toBe('test/domain/initiator.test.ts')
  expect(tests.length).toBeGreaterThan(1)
  expect(tests).not.toContain('test/domain/pem.test.ts')
})

test('every mutant that is named as equivalent still exists, once, with its reason', () => {
  const equivalents = readEquivalents(project)
  expect(staleEquivalents(project, equivalents)).toEqual([])
  expect(equivalents.filter(({ reason }) => reason.length < 20)).toEqual([])
  const names = equivalents.map(({ file, was, becomes }) => `${file} ${was} ${becomes}`)
  expect(new Set(names).size).toBe(names.length)
})

test('a mutant runs tests in a copy until one fails or exceeds its time, or survives', async () => {
  await using undo = new AsyncDisposableStack()
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'countersign-mutate-')))
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  const write = (name: string, text: string) => writeFile(path.join(folder, name), text)
  const tools = 'scripts/mutation'
  await cp(path.join(project, tools), path.join(folder, tools), { recursive: true })
  await symlink(path.join(project, 'node_modules'), path.join(folder, 'node_modules'))
  for (const name of ['src', 'test']) await mkdir(path.join(folder, name))
  const rule = 'export const isLess = (a: number, b: number) => a < b\n'
  await write('src/rule.ts', rule)
  const [near, far, broken] = ['test/near.test.ts', 'test/far.test.ts', 'test/broken.test.ts']
  const check = (title: string, expectation: string) => `import { expect, test } from 'vitest'
    import { isLess } from '../src/rule.ts'
    test('${title}', () => { ${expectation} })`
  await write(far, check('2 is not less than 1', 'expect(isLess(2, 1)).toBe(false)'))
  await write(
    near,
    check('1 is less than 2', 'while (!isLess(1, 2)); expect(isLess(1, 1)).toBe(false)'),
  )
  await write(broken, check('nothing holds', 'expect(isLess).toBe(1)'))

  const runner = undo.use(startTestRunner(folder))
  const { tryMutant, unusableTests } = buildTrials(folder, runner, { firstMs: 60_000, graceMs: 0 })
  const operator = { change: 'operator', start: rule.indexOf('<'), end: rule.indexOf('<') + 1 }
  const run = (replacement: string, tests: readonly string[]) =>
    tryMutant('src/rule.ts', { ...operator, replacement }, tests)
  expect(await run('<=', [broken, far])).toEqual({ kind: 'survived', tests: 1 })
  expect(await run('<=', [far, near])).toEqual({
    kind: 'killed',
    by: 'test/near.test.ts: 1 is less than 2',
  })
  expect(await run('>', [near])).toEqual({ kind: 'killed', by: 'test/near.test.ts: time limit' })
  expect([...unusableTests]).toEqual([broken])
  expect(await readFile(path.join(folder, 'src/rule.ts'), 'utf8')).toBe(rule)
})
