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

/** Prints lines to standard output. */
export function say(text: string): void {
  process.stdout.write(`${printable(text)}\n`)
}

/** Prints lines to standard error. */
export function warn(text: string): void {
  process.stderr.write(`${printable(text)}\n`)
}
