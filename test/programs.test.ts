import { expect, test } from 'vitest'
import { startProgram } from './support/service-process.ts'

test('what cannot run on a machine is named in the log of the suite, not only counted', async () => {
  const file = 'test/browser/api-docs.test.ts'
  const words = ['node_modules/vitest/vitest.mjs', 'run', file, '--testNamePattern', 'NOT RUN']
  await using suite = startProgram(words, { CHROMIUM: '', NO_COLOR: '1' })
  expect(await suite.exit).toEqual({ code: 0, signal: null })
  const lines = [suite.stdout(), suite.stderr()].join('\n').split('\n')
  expect(lines).toContain('NOT RUN on this machine: Chromium is missing (apt-get install chromium)')
})
