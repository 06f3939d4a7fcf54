// What the two programs print: nothing that somebody else wrote moves the cursor, hides or reorders what stands beside it.

import { spellOutHidden } from './domain/text.ts'

/** Lines as they are, save for what hides in them; for texts that are ours and hold words of others. */
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
