// The output of both programs: foreign text cannot move the cursor, or hide or reorder the text
// next to it.

import { spellOutHidden } from '../domain/text.ts'

/**
 * The lines as they are, with hidden characters spelled out; for our texts that contain foreign
 * ones.
 */
export function printable(text: string): string {
  return text
    .split('\n')
    .map((line) => line.split('\t').map(spellOutHidden).join('\t'))
    .join('\n')
}

/** What a command reads and prints. */
export type Terminal = {
  readonly input: AsyncIterable<Uint8Array>
  /** Prints lines to standard output. */
  say(text: string): void
  /** Prints lines to standard error. */
  warn(text: string): void
  /** The exit code becomes 1. */
  fail(): void
}

type Output = { write(text: string): unknown }

export function buildTerminal(
  process: {
    readonly stdin: AsyncIterable<Uint8Array>
    readonly stdout: Output
    readonly stderr: Output
  },
  fail: () => void,
): Terminal {
  return {
    // Looked up when it is read: standard input that was opened keeps a process alive.
    get input() {
      return process.stdin
    },
    say: (text) => void process.stdout.write(`${printable(text)}\n`),
    warn: (text) => void process.stderr.write(`${printable(text)}\n`),
    fail,
  }
}
