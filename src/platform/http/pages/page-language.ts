// In which language a page is written: what its address asks for, what was asked for before in this
// browser, what the browser prefers.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { pageLanguage } from '../../../domain/language.ts'
import { fallbackLanguage, type Language, languages } from '../../texts/texts.ts'

const members = {
  ui_locales: z
    .string()
    .meta({
      description:
        'Languages by preference (BCP 47), with spaces between; before a cookie and ' +
        '`Accept-Language`. An unknown one is no error.',
      example: 'nl-BE nl',
    })
    .exactOptional(),
}

/** The query of a page. */
export const pageQuery = z.strictObject(members)

/**
 * That of a link to a page: mail programs and trackers append members of their own to links, which
 * must not break a person's only way in.
 */
export const linkQuery = z.looseObject(members)

const decorator = 'languageCookie'
const keptSeconds = 365 * 24 * 60 * 60

type LanguageCookie = { readonly name: string; readonly attributes: string }

/** Prepares replies to remember a language that was asked for. It is no secret, and ours alone. */
export function carryPageLanguages(app: FastifyInstance, publicOrigin: string): void {
  const secure = publicOrigin.startsWith('https:')
  const onlyHttps = secure ? '; Secure' : ''
  app.decorate(decorator, {
    name: secure ? '__Host-countersign-language' : 'countersign-language',
    attributes: `; Max-Age=${keptSeconds}; Path=/; HttpOnly; SameSite=Lax${onlyHttps}`,
  } satisfies LanguageCookie)
}

const cookieOf = ({ server }: Pick<FastifyRequest, 'server'>) =>
  server.getDecorator<LanguageCookie>(decorator)

/** Read here, because pages without a session parse no cookies. */
function languageCookieOf({ headers, server }: FastifyRequest): string | undefined {
  const { name } = cookieOf({ server })
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

function uiLocalesOf({ query }: Pick<FastifyRequest, 'query'>): string | undefined {
  const { ui_locales: text } = (query ?? {}) as Readonly<Record<string, unknown>>
  return typeof text === 'string' ? text : undefined
}

/** The language of the page that answers this request. */
export function pageLanguageOf(request: FastifyRequest): Language {
  const hints = {
    uiLocales: uiLocalesOf(request),
    cookie: languageCookieOf(request),
    acceptLanguage: request.headers['accept-language'],
  }
  return pageLanguage(hints, languages) ?? fallbackLanguage
}

/**
 * Headers of a page by its language. A language of `ui_locales` is remembered, in one of our own
 * spellings: nothing that was sent comes back.
 */
export function languageHeaders(
  reply: FastifyReply,
  language: Language,
): Readonly<Record<string, string>> {
  const { request } = reply
  const uiLocales = uiLocalesOf(request)
  const isAsked = uiLocales !== undefined && pageLanguage({ uiLocales }, languages) === language
  const { name, attributes } = cookieOf(request)
  return {
    'content-language': language,
    vary: 'Accept, Accept-Language, Cookie',
    ...(isAsked &&
      languageCookieOf(request) !== language && {
        'set-cookie': `${name}=${language}${attributes}`,
      }),
  }
}
