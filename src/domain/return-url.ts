// Where an app may offer to go after an answer: addresses of the relying party alone, or a question
// could lead a person who has just approved to any page.

import { type Refusal, refuse } from './refusal.ts'

export const returnOriginsMax = 20
export const returnUrlLengthMax = 2048

/** Parsers accept more, a `*` among it, which means nothing here. */
const hostPattern = /^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])$/

/**
 * The URL if it is written as every parser writes it, so that what is checked here is what an app
 * opens; https, and nothing hidden before the host.
 */
function readHttps(text: string): URL | undefined {
  if (text.length > returnUrlLengthMax || !URL.canParse(text)) return undefined
  const url = new URL(text)
  const { protocol, username, password, hostname, href } = url
  const isHttps = protocol === 'https:' && username === '' && password === ''
  return isHttps && hostPattern.test(hostname) && href === text ? url : undefined
}

/** What is wrong with the origins to which a relying party wants to lead back; or undefined. */
export function returnOriginsFault(origins: readonly string[]): string | undefined {
  if (origins.length > returnOriginsMax) {
    return `A relying party has at most ${returnOriginsMax} return origins.`
  }
  if (new Set(origins).size < origins.length) return 'A return origin must not be repeated.'
  if (origins.every((origin) => readHttps(`${origin}/`)?.origin === origin)) return undefined
  return 'A return origin is https://, the host in lower case, and its port if it is not 443.'
}

/** Refuses an address that is not in one of the relying party's return origins. */
export function checkReturnUrl(
  text: string | undefined,
  origins: readonly string[],
): Refusal<'return_url_not_allowed'> | undefined {
  if (text === undefined) return undefined
  const url = readHttps(text)
  return url && origins.includes(url.origin) ? undefined : refuse('return_url_not_allowed')
}
