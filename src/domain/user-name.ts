// From the name that a client of an integration sends to the name of a user in the integration's namespace.

import { isIdentifier } from './text.ts'

/** How names are mapped. Whatever does not fit is refused: a name that is bent until it fits is somebody else's. */
export type UserNameMapping = {
  /** Which part of the name is its domain: `ada@example.com`, `EXAMPLE\ada`, or none. */
  readonly domain: 'none' | 'suffix' | 'prefix'
  /** The domains that are taken, in any case of ASCII letters; a name of another one is refused. */
  readonly domains: readonly string[]
  /** Upper-case ASCII letters become lower case; names with other upper-case letters are refused. */
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
    return 'The template knows the placeholders {username} and {domain}, and no other braces.'
  }
  if (placeholders.filter((one) => one === '{username}').length !== 1) {
    return 'The template holds {username} exactly once.'
  }
  if (domain === 'none' && (placeholders.includes('{domain}') || domains.length > 0)) {
    return 'Without a domain there are no domains to take, and no {domain} in the template.'
  }
  if (domain !== 'none' && domains.length === 0) {
    return 'Name the domains that are taken.'
  }
  return undefined
}

/** The identifier without the spaces (no-break ones, too) that pasting left around it. */
export function trimIdentifier(text: string): string {
  let [from, to] = [0, text.length]
  while (from < to && /\p{Zs}/u.test(text.charAt(from))) from++
  while (to > from && /\p{Zs}/u.test(text.charAt(to - 1))) to--
  return text.slice(from, to)
}

/**
 * How a tenant tells identifiers apart: by every letter, or with A to Z of a mail-shaped one taken for a to z, because people and
 * directories write addresses in any case.
 */
export const identifierCases = ['exact', 'fold_ascii'] as const
export type IdentifierCase = (typeof identifierCases)[number]

const mailShaped = /^[^@]+@[^@]+$/

/** What an identifier is looked up by, in ASCII alone: other alphabets fold into one another, and into ASCII. */
export function identifierKey(value: string): string {
  return mailShaped.test(value) ? asciiLower(value) : value
}

/** True when two identifiers of one namespace name the same user. */
export function isSameIdentifier(rule: IdentifierCase, one: string, other: string): boolean {
  return rule === 'exact' ? one === other : identifierKey(one) === identifierKey(other)
}

const asciiLower = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())

/** Takes a name apart; undefined when its domain is missing, none that is taken, or there is more than one. */
function split(
  { domain, domains }: UserNameMapping,
  given: string,
): { readonly username: string; readonly domain: string } | undefined {
  if (domain === 'none') return { username: given, domain: '' }
  const [first = '', second = '', ...more] = given.split(domain === 'suffix' ? '@' : '\\')
  if (more.length > 0) return undefined
  const [username, found] = domain === 'suffix' ? [first, second] : [second, first]
  if (username === '' || /[@\\]/.test(username)) return undefined
  const taken = domains.find((one) => asciiLower(one) === asciiLower(found))
  return taken === undefined ? undefined : { username, domain: asciiLower(taken) }
}

/** The identifier that a given name stands for; undefined when it stands for none. */
export function mapUserName(mapping: UserNameMapping, given: string): string | undefined {
  const name = trimIdentifier(given)
  if (!isIdentifier(name, lengthMax)) return undefined
  const parts = split(mapping, name)
  if (!parts) return undefined
  const username = mapping.lowerCase ? asciiLower(parts.username) : parts.username
  // Other alphabets have letters whose lower case is ASCII: U+212A would become the k of somebody else.
  if (mapping.lowerCase && username !== username.toLowerCase()) return undefined
  const mapped = mapping.template
    .replaceAll('{domain}', () => parts.domain)
    .replace('{username}', () => username)
  return isIdentifier(mapped, lengthMax) ? mapped : undefined
}
