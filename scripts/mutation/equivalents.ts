import { readFileSync } from 'node:fs'
import path from 'node:path'
import { mutantsOf } from './code-mutants.ts'
import { type ChangedLines, changedLines } from './mutant.ts'

/** A mutant that no test can tell from the original, and why. */
export type Equivalent = Pick<ChangedLines, 'was' | 'becomes'> & {
  readonly file: string
  readonly reason: string
}

/** The list that is committed. */
export function readEquivalents(root: string): Equivalent[] {
  return JSON.parse(readFileSync(path.join(root, 'docs/equivalent-mutants.json'), 'utf8'))
}

/** Whether the list names this mutant. */
export function isNamed(
  equivalents: readonly Equivalent[],
  file: string,
  { was, becomes }: ChangedLines,
): boolean {
  return equivalents.some((one) => one.file === file && one.was === was && one.becomes === becomes)
}

/** Those whose line has changed since, so that they name no mutant any more. */
export function staleEquivalents(root: string, equivalents: readonly Equivalent[]): Equivalent[] {
  return equivalents.filter(({ file, was, becomes }) => {
    const text = readFileSync(path.join(root, file), 'utf8')
    return !mutantsOf(file, text)
      .map((mutant) => changedLines(text, mutant))
      .some((lines) => lines.was === was && lines.becomes === becomes)
  })
}
