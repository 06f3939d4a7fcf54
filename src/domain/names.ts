// Names allowed for tenants, relying parties and keys, whether set over HTTP or at the command
// line.

import { cleanText, isShowable } from './text.ts'

export const nameLengthMax = 64

/**
 * The name as it is stored; undefined when it is blank, too long, or holds characters that hide or
 * reorder text.
 */
export function readName(text: string): string | undefined {
  const name = cleanText(text)
  return isShowable(name, nameLengthMax) ? name : undefined
}

/** What to do about a name that `readName` refuses. */
export const nameHint = [
  `A name has 1 to ${nameLengthMax} characters,`,
  'none of which hides, moves or reorders text.',
].join(' ')

export const namespacePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/
export const namespacesMax = 20

/** What is wrong with the namespaces of a relying party; undefined when they can be used. */
export function namespacesFault(namespaces: readonly string[]): string | undefined {
  if (namespaces.length === 0 || namespaces.length > namespacesMax) {
    return `A relying party has 1 to ${namespacesMax} namespaces.`
  }
  if (new Set(namespaces).size < namespaces.length) return 'A namespace must not be repeated.'
  if (namespaces.every((one) => namespacePattern.test(one))) return undefined
  return 'A namespace has 1 to 64 characters: lower-case letters, digits, and . _ - but not first.'
}
