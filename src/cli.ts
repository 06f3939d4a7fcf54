#!/usr/bin/env node
// Operator commands. They work on the same database as the service, while it runs or not.

import {
  CommandError,
  isCommand,
  missingOptions,
  parseCommand,
  usage,
  usageOf,
} from './service/cli-usage.ts'
import { readConfig } from './service/config.ts'
import { messageOf } from './service/start-fault.ts'
import { say, warn } from './service/terminal.ts'

async function main(): Promise<void> {
  const call = parseCommand(process.argv.slice(2))
  const name = call.positionals.slice(0, 2).join(' ')
  const usageOfCommand = usageOf(name)
  if (call.values.help) {
    say(usageOfCommand ?? usage)
    return
  }
  // Before the configuration: an operator who has none yet may want to see the usage.
  if (name === '') throw new CommandError(usage)
  if (!isCommand(name)) {
    throw new CommandError(`There is no command "${name}".\n\n${usageOfCommand ?? usage}`)
  }
  const missing = missingOptions(name, call.values)
  if (missing.length > 0) {
    throw new CommandError(`${missing.join(' and ')} must be given.\n\n${usageOfCommand}`)
  }
  const config = readConfig(process.env)
  // Late: syntax errors are reported without loading the commands' dependencies.
  const { run } = await import('./service/cli-commands.ts')
  await run(config, call)
}

main().catch((error: unknown) => {
  warn(messageOf(error))
  process.exitCode = 1
})
