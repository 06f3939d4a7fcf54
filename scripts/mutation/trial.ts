// What becomes of a mutant: the tests nearest to its file run until one fails.

import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Mutant, mutatedText } from './mutant.ts'
import type { RunResult, TestRunner } from './test-runner.ts'

export type Outcome =
  | { readonly kind: 'killed'; readonly by: string }
  /** How many test files passed. */
  | { readonly kind: 'survived'; readonly tests: number }

export type Trials = {
  /** Runs these tests of a file, in their order, against a mutant of it. */
  tryMutant(file: string, mutant: Mutant, nearestTests: readonly string[]): Promise<Outcome>
  /** Test files that do not pass without a mutant; they say nothing about mutants. */
  readonly unusableTests: ReadonlySet<string>
}

/** A test file may take this many times as long as it did without a mutant. */
const slowness = 5
const usualLimits = {
  /** For a test file that has not passed yet. */
  firstMs: 180_000,
  /** For all others, on top of that. */
  graceMs: 10_000,
}

/** Tries mutants in `folder`, a copy of the project: it changes files there and restores them. */
export function buildTrials(
  folder: string,
  runner: TestRunner,
  { firstMs, graceMs } = usualLimits,
): Trials {
  const usualMs = new Map<string, number>()
  const unusableTests = new Set<string>()
  const killersOf = new Map<string, string[]>()

  async function runTimed(changedFile: string, test: string): Promise<RunResult> {
    const usual = usualMs.get(test)
    const limitMs = usual === undefined ? firstMs : usual * slowness + graceMs
    const startedAt = performance.now()
    const result = await runner.run({ changedFile, test }, limitMs)
    if (result.kind === 'passed' && usual === undefined) {
      usualMs.set(test, performance.now() - startedAt)
    }
    return result
  }

  async function isUsable(file: string, test: string): Promise<boolean> {
    if (usualMs.has(test)) return true
    const { kind } = await runTimed(file, test)
    if (kind !== 'passed') unusableTests.add(test)
    return kind === 'passed'
  }

  return {
    unusableTests,
    async tryMutant(file, mutant, nearestTests) {
      const place = path.join(folder, file)
      const text = readFileSync(place, 'utf8')
      // Those that have killed mutants of this file come first.
      const killers = killersOf.get(file) ?? []
      const tests = [...new Set([...killers, ...nearestTests])]
      let passes = 0
      for (const test of tests.filter((one) => !unusableTests.has(one))) {
        writeFileSync(place, mutatedText(text, mutant))
        const result = await runTimed(file, test)
        writeFileSync(place, text)
        if (result.kind === 'passed') passes += 1
        else if (await isUsable(file, test)) {
          killersOf.set(file, [test, ...killers.filter((one) => one !== test)])
          return { kind: 'killed', by: `${test}: ${reasonOf(result)}` }
        }
      }
      return { kind: 'survived', tests: passes }
    },
  }
}

const reasonOf = (result: RunResult) => (result.kind === 'failed' ? result.by : 'time limit')
