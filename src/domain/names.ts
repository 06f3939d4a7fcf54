// What tenants, relying parties and keys may be called, whoever names them: over HTTP or at the command line.

import { cleanText, isShowable } from './text.ts'

export const nameLengthMax = 64

/** The name as it is kept; undefined when it is blank, too long, or does not show what it says. */
export function readName(given: string): string | undefined {
  const name = cleanText(given)
  return isShowable(name, nameLengthMax) ? name : undefined
}

/** What to do about a name that `readName` does not take. */
export const nameHint = `A name has 1 to ${nameLengthMax} characters, and none that hides, moves or reorders text.`

export const namespacePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/
export const namespacesMax = 20

/** What is wrong with the namespaces of a relying party; undefined when they can be used. */
export function namespacesFault(given: readonly string[]): string | undefined {
  if (given.length === 0 || given.length > namespacesMax) {
    return `A relying party has 1 to ${namespacesMax} namespaces.`
  }
  if (new Set(given).size < given.length) return 'A namespace must not be repeated.'
  if (given.every((one) => namespacePattern.test(one))) return undefined
  return 'A namespace has 1 to 64 characters: lower-case letters, digits, and . _ - after the first.'
}
