// Maps the name that a client of an integration sends to the name of a user in the integration's
// namespace.

import { isIdentifier } from './text.ts'

/** Which part of a name is its domain: none, `ada@example.com`, or `EXAMPLE\\ada`. */
export const domainPlaces = ['none', 'suffix', 'prefix'] as const

/**
 * How names are mapped. A name that does not fit is refused: a name altered until it fits may be
 * another user's.
 */
export type UserNameMapping = {
  readonly domain: (typeof domainPlaces)[number]
  /** The accepted domains, in any case of ASCII letters; a name of another one is refused. */
  readonly domains: readonly string[]
  /**
   * Upper-case ASCII letters become lower case; names with other upper-case letters are refused.
   */
  readonly lowerCase: boolean
  /** The identifier, of text and the placeholders `{username}` and `{domain}`. */
  readonly template: string
}

/** The name as it is. */
export const plainMapping: UserNameMapping = {
  domain: 'none',
  domains: [],
  lowerCase: false,
  template: '{username}',
}

const lengthMax = 255

/** What is wrong with a mapping; undefined when it can be used. */
export function mappingFault({ domain, domains, template }: UserNameMapping): string | undefined {
  const placeholders: readonly string[] = template.match(/\{[^{}]*\}/g) ?? []
  if (/[{}]/.test(template.replaceAll(/\{(?:username|domain)\}/g, ''))) {
    return 'The template may hold the placeholders {username} and {domain}, and no other braces.'
  }
  if (placeholders.filter((one) => one === '{username}').length !== 1) {
    return 'The template must hold {username} exactly once.'
  }
  if (domain === 'none' && (placeholders.includes('{domain}') || domains.length > 0)) {
    return 'Without a domain there are no domains to accept, and no {domain} in the template.'
  }
  if (domain !== 'none' && domains.length === 0) {
    return 'List the accepted domains.'
  }
  return undefined
}

/** The identifier without the spaces (no-break ones, too) left around it by pasting. */
export function trimIdentifier(text: string): string {
  let [from, to] = [0, text.length]
  while (from < to && /\p{Zs}/u.test(text.charAt(from))) from++
  while (to > from && /\p{Zs}/u.test(text.charAt(to - 1))) to--
  return text.slice(from, to)
}

/**
 * How a tenant compares identifiers: exactly, or with A to Z of an email-shaped one folded to a to
 * z, because people and directories write addresses in any case.
 */
export const identifierCases = ['exact', 'fold_ascii'] as const
export type IdentifierCase = (typeof identifierCases)[number]

const mailShaped = /^[^@]+@[^@]+$/

/**
 * The key by which an identifier is looked up. Folds ASCII only: letters of other alphabets fold
 * into one another, and into ASCII.
 */
export function identifierKey(value: string): string {
  return mailShaped.test(value) ? asciiLower(value) : value
}

/** True when two identifiers of one namespace name the same user. */
export function isSameIdentifier(rule: IdentifierCase, one: string, other: string): boolean {
  return rule === 'exact' ? one === other : identifierKey(one) === identifierKey(other)
}

const asciiLower = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())

/**
 * Splits a name; undefined when its domain is missing or not accepted, or there is more than one.
 */
function split(
  { domain, domains }: UserNameMapping,
  name: string,
): { readonly username: string; readonly domain: string } | undefined {
  if (domain === 'none') return { username: name, domain: '' }
  const [first = '', second = '', ...more] = name.split(domain === 'suffix' ? '@' : '\\')
  if (more.length > 0) return undefined
  const [username, domainPart] = domain === 'suffix' ? [first, second] : [second, first]
  if (username === '' || /[@\\]/.test(username)) return undefined
  const matchingDomain = domains.find((one) => asciiLower(one) === asciiLower(domainPart))
  return matchingDomain === undefined ? undefined : { username, domain: asciiLower(matchingDomain) }
}

/** The identifier for a client's name; undefined when there is none. */
export function mapUserName(mapping: UserNameMapping, clientName: string): string | undefined {
  const name = trimIdentifier(clientName)
  if (!isIdentifier(name, lengthMax)) return undefined
  const parts = split(mapping, name)
  if (!parts) return undefined
  const username = mapping.lowerCase ? asciiLower(parts.username) : parts.username
  // Other alphabets have letters whose lower case is ASCII: U+212A would become the k of another
  // user's name.
  if (mapping.lowerCase && username !== username.toLowerCase()) return undefined
  const identifier = mapping.template
    .replaceAll('{domain}', () => parts.domain)
    .replace('{username}', () => username)
  return isIdentifier(identifier, lengthMax) ? identifier : undefined
}
