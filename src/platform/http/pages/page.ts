// Every page of the service is one file, which loads nothing, cannot be framed and works without
// script.

import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import type { Brand } from '../../../domain/branding.ts'
import { type Language, textsIn } from '../../texts/texts.ts'
import { Html, html, noHtml } from './html.ts'
import { brandHead, brandHeader, brandHelp, brandStyle } from './page-brand.ts'
import { languageHeaders } from './page-language.ts'
import { pageStyle } from './page-style.ts'

/** The page of the user's devices, where a person goes on from any other page. */
export const devicesPath = '/me'

const sourceOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const styleSource = sourceOf(pageStyle)

/**
 * What a page may do: show itself, run the one script that we wrote for it and, where it has forms,
 * send them to its own origin.
 */
function pagePolicy({ script, fetches = false, brand = null }: Page, forms: Forms): string {
  return [
    "default-src 'none'",
    `style-src ${[styleSource, ...(brand ? [sourceOf(brandStyle(brand))] : [])].join(' ')}`,
    ...(brand?.logo ? ["img-src 'self'"] : []),
    ...(script === undefined ? [] : [`script-src ${sourceOf(script)}`]),
    ...(fetches ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    `form-action ${typeof forms === 'string' ? `'${forms}'` : forms.origins.join(' ')}`,
    "frame-ancestors 'none'",
  ].join('; ')
}

/**
 * Where the forms of a page may go: nowhere, to us, or to these origins. The origin of a redirect
 * counts, too: a form of ours whose answer leads elsewhere stands still without it.
 */
export type Forms = 'none' | 'self' | { readonly origins: readonly string[] }

export type Page = {
  readonly title: string
  readonly language: Language
  readonly body: Html
  /** A constant text of ours, which makes something easier that works without it. */
  readonly script?: string
  /** Whether the script asks our own origin something. */
  readonly fetches?: boolean
  /** After which the page is loaded again, for what is waited for; a press is never repeated. */
  readonly refreshSeconds?: number
  /** How the pages of the tenant look; null for the look of ours. */
  readonly brand?: Brand | null
}

// The elements whose text is not escaped: it is ours, and the policy contains its hash.
const styleSheet = new Html(`<style>${pageStyle}</style>`)

const scriptOf = (script: string | undefined) =>
  script === undefined ? noHtml : new Html(`<script>${script}</script>\n`)

/** Where a script waits, the page is loaded again only in browsers that run none. */
function refreshOf({ refreshSeconds: seconds, script }: Page): Html {
  if (seconds === undefined) return noHtml
  const refresh = html`<meta http-equiv="refresh" content="${seconds}">`
  return script === undefined ? html`${refresh}\n` : html`<noscript>${refresh}</noscript>\n`
}

function documentOf(page: Page): string {
  const { title, language, body, script, brand = null } = page
  return html`<!doctype html>
<html lang="${language}" dir="${textsIn(language).direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${refreshOf(page)}<title>${title}</title>
${styleSheet}
${brandHead(brand)}</head>
<body>
<main>
${brandHeader(brand)}<h1>${title}</h1>
${body}${brandHelp(brand)}
</main>
${scriptOf(script)}</body>
</html>
`.text
}

/**
 * Answers with a page. It sends its address to nobody as a referrer, and no window of another
 * origin keeps a reference to it.
 */
export function sendPage<Reply extends FastifyReply>(
  reply: Reply,
  page: Page,
  forms: Forms = 'self',
): Reply {
  reply
    .headers({
      'content-security-policy': pagePolicy(page, forms),
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      ...languageHeaders(reply, page.language),
    })
    .type('text/html; charset=utf-8')
    .send(documentOf(page))
  return reply
}
