#!/usr/bin/env node
// Operator commands. They work on the same database as the service, while it runs or not.

import { runCommandLine } from './service/cli/command-line.ts'
import { buildTerminal } from './service/terminal.ts'

const terminal = buildTerminal(process, () => {
  process.exitCode = 1
})
await runCommandLine(process.argv.slice(2), process.env, terminal)
