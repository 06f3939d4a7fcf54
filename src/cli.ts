#!/usr/bin/env node
// Operator commands. They work on the same database as the service, while it runs or not.

import { CommandError, isCommand, missingOptions, readWords, usage, usageOf } from './cli-usage.ts'
import { readConfig } from './config.ts'
import { wordsOf } from './start-fault.ts'
import { say, warn } from './terminal.ts'

async function main(): Promise<void> {
  const given = readWords(process.argv.slice(2))
  const name = given.positionals.slice(0, 2).join(' ')
  const usageOfCommand = usageOf(name)
  if (given.values.help) {
    say(usageOfCommand ?? usage)
    return
  }
  // Before the configuration: whoever has none yet may want to see how the commands are called.
  if (name === '') throw new CommandError(usage)
  if (!isCommand(name)) {
    throw new CommandError(`There is no command "${name}".\n\n${usageOfCommand ?? usage}`)
  }
  const missing = missingOptions(name, given.values)
  if (missing.length > 0) {
    throw new CommandError(`${missing.join(' and ')} must be given.\n\n${usageOfCommand}`)
  }
  const config = readConfig(process.env)
  // Late: what was typed wrong is told without loading all that the commands need.
  const { run } = await import('./cli-commands.ts')
  await run(config, given)
}

main().catch((error: unknown) => {
  warn(wordsOf(error))
  process.exitCode = 1
})
