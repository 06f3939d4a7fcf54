// A problem as a person reads it in a browser.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { SendProblem } from '../problem.ts'
import { problemHeaders, sendProblem } from '../problem.ts'
import { type ProblemCode, problems } from '../problem-table.ts'
import { html, noHtml } from './html.ts'
import { type Page, sendPage } from './page.ts'
import { devicesPath } from './portal-pages.ts'
import { english as words } from './portal-words.ts'

/**
 * True for whoever asks for HTML by name, as browsers do when a person goes somewhere; programs get
 * problem documents.
 */
export function wantsPage({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return /\btext\/html\b/i.test(headers.accept ?? '')
}

/** The words for a code; those that no page can cause by itself are told by their status. */
function wordsFor(code: ProblemCode): keyof typeof words.problems {
  if (code in words.problems) return code as keyof typeof words.problems
  const { status } = problems[code]
  if (status === 429) return 'busy'
  if (status === 404) return 'not_found'
  return status < 500 ? 'invalid_request' : 'internal'
}

function pageOf(code: ProblemCode, requestId: string): Page {
  const kind = wordsFor(code)
  const { title, what } = words.problems[kind]
  const link = html`<a href="${devicesPath}">${words.devices.title}</a>`
  const more = {
    internal: html`<p><code>${requestId}</code></p>`,
    portal_link_invalid: html`<p class="soft">${words.devicesLink}${link}.</p>`,
  }
  const added = kind in more ? more[kind as keyof typeof more] : noHtml
  return { title, lang: words.lang, body: html`<p>${what}</p>${added}` }
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

/** The same for a refusal of the rules. */
export function sendRefusalPage<Reply extends FastifyReply>(
  reply: Reply,
  { refused, ...more }: Parameters<SendProblem>[2] & { readonly refused: ProblemCode },
): Reply {
  return sendProblemPage(reply, refused, more)
}
