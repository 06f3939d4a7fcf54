#!/usr/bin/env node
// Operator commands. They work on the same database as the service, while it runs or not.

import { runCommandLine } from './service/cli/command-line.ts'
import { buildTerminal } from './service/terminal.ts'

// A reader that has seen enough, such as `head`, closes the pipe: what is under way still ends.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  if (code !== 'EPIPE') process.exitCode = 1
})
const terminal = buildTerminal(process, () => {
  process.exitCode = 1
})
await runCommandLine(process.argv.slice(2), process.env, terminal)
