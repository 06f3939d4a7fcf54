// A problem as a person reads it in a browser.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Refusal } from '../../../domain/refusal.ts'
import { type Language, textsIn } from '../../texts/texts.ts'
import type { Translation } from '../../texts/translation.ts'
import type { SendProblem } from '../problem.ts'
import { problemHeaders, sendProblem } from '../problem.ts'
import { type ProblemCode, problems } from '../problem-table.ts'
import { filledHtml, html, noHtml } from './html.ts'
import { devicesPath, type Page, sendPage } from './page.ts'
import { pageLanguageOf } from './page-language.ts'

/**
 * True for clients that request HTML by name, as browsers do on navigation; programs get problem
 * documents.
 */
export function wantsPage({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return /\btext\/html\b/i.test(headers.accept ?? '')
}

type ProblemPage = keyof Translation['problemPages']

/** The page for a code; codes that no page can cause by itself are mapped by their status. */
function problemPageOf(code: ProblemCode, { problemPages }: Translation): ProblemPage {
  if (code in problemPages) return code as ProblemPage
  const { status } = problems[code]
  if (status === 429) return 'busy'
  if (status === 404) return 'not_found'
  return status < 500 ? 'invalid_request' : 'internal'
}

function pageOf(code: ProblemCode, requestId: string, language: Language): Page {
  const texts = textsIn(language)
  const kind = problemPageOf(code, texts)
  const { title, what } = texts.problemPages[kind]
  const devices = html`<a href="${devicesPath}">${texts.devices.title}</a>`
  const more = {
    internal: html`<p><code>${requestId}</code></p>`,
    portal_link_invalid: html`<p class="soft">${filledHtml(texts.devicesLink, { devices })}</p>`,
    portal_link_needed: html`<p><a href="${devicesPath}">${texts.portal.back}</a></p>`,
  }
  const extra = kind in more ? more[kind as keyof typeof more] : noHtml
  return { title, language, body: html`<p>${what}</p>${extra}` }
}

/**
 * Answers browsers with a page and everybody else with the problem document; status and headers are
 * the same.
 */
export const sendProblemPage: SendProblem = (reply, code, more = {}) => {
  if (!wantsPage(reply.request)) {
    sendProblem(reply.header('vary', 'Accept'), code, more)
    return reply
  }
  problemHeaders(reply, code, more)
  const { request } = reply
  return sendPage(reply, pageOf(code, request.id, pageLanguageOf(request)), 'none')
}

/** The same for a refusal of a use case. */
export function sendRefusalPage<Reply extends FastifyReply>(
  reply: Reply,
  { refused: code, ...more }: Refusal,
): Reply {
  return sendProblemPage(reply, code, more)
}
