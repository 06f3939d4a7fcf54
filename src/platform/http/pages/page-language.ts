// In which language a page is written: what its address asks for, what was asked for before in this
// browser, what the browser prefers.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { pageLanguage } from '../../../domain/language.ts'
import { fallbackLanguage, type Language, languages } from '../../texts/texts.ts'

/** Query members of every page; an unknown language is no error (OpenID Connect Core, 3.1.2.1). */
export const pageQuery = z.looseObject({
  ui_locales: z
    .union([z.string(), z.array(z.string())])
    .meta({
      description:
        'Languages by preference (BCP 47), with spaces between; before a cookie and ' +
        '`Accept-Language`.',
      example: 'nl-BE nl',
    })
    .exactOptional(),
})

const decorator = 'languageCookie'
const keptSeconds = 365 * 24 * 60 * 60

type LanguageCookie = { readonly name: string; readonly attributes: string }

/** Prepares replies to remember a language that was asked for. It is no secret, and ours alone. */
export function carryPageLanguages(app: FastifyInstance, publicOrigin: string): void {
  const secure = publicOrigin.startsWith('https:')
  app.decorate(decorator, {
    name: secure ? '__Host-countersign-language' : 'countersign-language',
    attributes: `; Max-Age=${keptSeconds}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`,
  } satisfies LanguageCookie)
}

const cookieOf = ({ server }: Pick<FastifyRequest, 'server'>) =>
  server.getDecorator<LanguageCookie>(decorator)

/** Read here, because pages without a session parse no cookies. */
function remembered({ headers, server }: FastifyRequest): string | undefined {
  const { name } = cookieOf({ server })
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

function asked({ query }: Pick<FastifyRequest, 'query'>): string | undefined {
  const { ui_locales: uiLocales } = (query ?? {}) as Readonly<Record<string, unknown>>
  const [first] = [uiLocales].flat()
  return typeof first === 'string' ? first : undefined
}

/** The language of the page that answers this request. */
export function pageLanguageOf(request: FastifyRequest): Language {
  const hints = {
    uiLocales: asked(request),
    cookie: remembered(request),
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
  const uiLocales = asked(request)
  const isAsked = uiLocales !== undefined && pageLanguage({ uiLocales }, languages) === language
  const { name, attributes } = cookieOf(request)
  return {
    'content-language': language,
    vary: 'Accept, Accept-Language, Cookie',
    ...(isAsked &&
      remembered(request) !== language && { 'set-cookie': `${name}=${language}${attributes}` }),
  }
}
