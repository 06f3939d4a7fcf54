import { readConfig } from '../config.ts'
import { messageOf } from '../start-fault.ts'
import type { Terminal } from '../terminal.ts'
import {
  CommandError,
  isCommand,
  missingOptions,
  parseCommand,
  usage,
  usageOf,
} from './cli-usage.ts'

/** Runs a command of the operator; what it throws becomes a message and the exit code 1. */
export async function runCommandLine(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  terminal: Terminal,
): Promise<void> {
  try {
    await runCommand(words, environment, terminal)
  } catch (error) {
    terminal.warn(messageOf(error))
    terminal.fail()
  }
}

async function runCommand(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  terminal: Terminal,
): Promise<void> {
  const call = parseCommand(words)
  const name = call.positionals.slice(0, 2).join(' ')
  const usageOfCommand = usageOf(call.positionals.slice(0, 3).join(' ')) ?? usageOf(name)
  if (call.values.help) {
    terminal.say(usageOfCommand ?? usage)
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
  const config = readConfig(environment)
  // Late: syntax errors are reported without loading the commands' dependencies.
  const { run } = await import('./cli-commands.ts')
  await run(config, call, terminal)
}
