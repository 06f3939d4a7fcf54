// A problem as a person reads it in a browser.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Refusal } from '../../../domain/refusal.ts'
import type { SendProblem } from '../problem.ts'
import { problemHeaders, sendProblem } from '../problem.ts'
import { type ProblemCode, problems } from '../problem-table.ts'
import { html, noHtml } from './html.ts'
import { devicesPath, type Page, sendPage } from './page.ts'
import { english as texts } from './page-texts.ts'

/**
 * True for clients that request HTML by name, as browsers do on navigation; programs get problem
 * documents.
 */
export function wantsPage({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return /\btext\/html\b/i.test(headers.accept ?? '')
}

/** The texts for a code; codes that no page can cause by itself are mapped by their status. */
function textsFor(code: ProblemCode): keyof typeof texts.problems {
  if (code in texts.problems) return code as keyof typeof texts.problems
  const { status } = problems[code]
  if (status === 429) return 'busy'
  if (status === 404) return 'not_found'
  return status < 500 ? 'invalid_request' : 'internal'
}

function pageOf(code: ProblemCode, requestId: string): Page {
  const kind = textsFor(code)
  const { title, what } = texts.problems[kind]
  const link = html`<a href="${devicesPath}">${texts.devices.title}</a>`
  const more = {
    internal: html`<p><code>${requestId}</code></p>`,
    portal_link_invalid: html`<p class="soft">${texts.devicesLink}${link}.</p>`,
  }
  const extra = kind in more ? more[kind as keyof typeof more] : noHtml
  return { title, lang: texts.lang, body: html`<p>${what}</p>${extra}` }
}

/**
 * Answers browsers with a page and everybody else with the problem document; status and headers are
 * the same.
 */
export const sendProblemPage: SendProblem = (reply, code, more = {}) => {
  if (!wantsPage(reply.request)) return sendProblem(reply, code, more)
  problemHeaders(reply, code, more)
  return sendPage(reply, pageOf(code, reply.request.id), 'none')
}

/** The same for a refusal of a use case. */
export function sendRefusalPage<Reply extends FastifyReply>(
  reply: Reply,
  { refused: code, ...more }: Refusal,
): Reply {
  return sendProblemPage(reply, code, more)
}
