// Runs test files on request, in a folder of its own: started there as a process, asked by messages
// (test-runner.ts). One vitest for all of them, so that one database server serves them all.

import path from 'node:path'
import { createVitest } from 'vitest/node'
import type { RunRequest, RunResult } from './test-runner.ts'

const vitest = await createVitest({
  watch: false,
  bail: 1,
  maxWorkers: 1,
  testTimeout: 20_000,
  reporters: [{}],
})
await vitest.standalone()

let lastChangedFile: string | undefined

async function runTests({ changedFile, test }: RunRequest): Promise<RunResult> {
  // That of the run before may have been restored since.
  if (lastChangedFile !== undefined) vitest.invalidateFile(path.resolve(lastChangedFile))
  vitest.invalidateFile(path.resolve(changedFile))
  lastChangedFile = changedFile
  const specifications = vitest.getModuleSpecifications(path.resolve(test))
  if (specifications.length === 0) throw new Error(`${test} is no test file`)
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications)
  const failedModule = testModules.find(
    (one) => one.moduleId === path.resolve(test) && one.state() === 'failed',
  )
  const [failedTest] = failedModule?.children.allTests('failed') ?? []
  if (failedModule) return { kind: 'failed', by: failedTest?.fullName ?? 'it does not load' }
  return unhandledErrors.length > 0 ? { kind: 'failed', by: 'unhandled error' } : { kind: 'passed' }
}

process.on('message', async (request: RunRequest) => {
  process.send?.(await runTests(request))
})
process.on('disconnect', async () => {
  await vitest.close()
  process.exit()
})
process.send?.({ kind: 'ready' })
