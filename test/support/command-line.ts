import { Readable } from 'node:stream'
import { runCommandLine } from '../../src/service/cli/command-line.ts'
import { buildTerminal } from '../../src/service/terminal.ts'

export type CommandResult = {
  readonly code: 0 | 1
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command of the operator in this process, with only these variables and this input. */
export async function runCommand(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  input = '',
): Promise<CommandResult> {
  const output = { stdout: '', stderr: '' }
  let code: 0 | 1 = 0
  const collector = (name: 'stdout' | 'stderr') => ({
    write(text: string) {
      output[name] += text
    },
  })
  const streams = {
    stdin: Readable.from([Buffer.from(input)]),
    stdout: collector('stdout'),
    stderr: collector('stderr'),
  }
  const terminal = buildTerminal(streams, () => {
    code = 1
  })
  await runCommandLine(words, environment, terminal)
  return { code, ...output }
}
