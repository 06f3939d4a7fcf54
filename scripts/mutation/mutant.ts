/** One change of a file: what stands between `start` and `end` is replaced. */
export type Mutant = {
  /** What kind of change it is. */
  readonly change: string
  readonly start: number
  readonly end: number
  readonly replacement: string
}

/** The lines that a mutant touches, before and after, without indentation. */
export type ChangedLines = {
  /** Counted from 1. */
  readonly line: number
  readonly was: string
  readonly becomes: string
}

/** The file with the change. */
export function mutatedText(text: string, { start, end, replacement }: Mutant): string {
  return text.slice(0, start) + replacement + text.slice(end)
}

const withoutIndentation = (lines: string) => lines.trim().replaceAll(/\s+/g, ' ')

/** What people read of a mutant, and what the list of equivalents names it by. */
export function changedLines(text: string, mutant: Mutant): ChangedLines {
  const start = text.lastIndexOf('\n', mutant.start - 1) + 1
  const newline = text.indexOf('\n', mutant.end)
  const end = newline === -1 ? text.length : newline
  const [before, after] = [text.slice(start, mutant.start), text.slice(mutant.end, end)]
  return {
    line: text.slice(0, mutant.start).split('\n').length,
    was: withoutIndentation(text.slice(start, end)),
    becomes: withoutIndentation(before + mutant.replacement + after),
  }
}
