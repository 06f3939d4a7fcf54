// What all routes of a prompt do: they serve the browser that began it, and no other.

import { randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { browserName } from '../../domain/browser-name.ts'
import type { PromptId, TenantId } from '../../domain/ids.ts'
import type { Initiator } from '../../domain/initiator.ts'
import { pageLanguage } from '../../domain/language.ts'
import { offersEnrollment } from '../../domain/prompt-enrollment.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type { Bound } from '../../platform/bound.ts'
import { type Admission, networkOf } from '../../platform/http/admission.ts'
import { inEvenTime } from '../../platform/http/even-time.ts'
import { formMediaType } from '../../platform/http/form-body.ts'
import { isFromOurPage } from '../../platform/http/from-our-page.ts'
import { type Page, sendPage } from '../../platform/http/pages/page.ts'
import { pageQuery } from '../../platform/http/pages/page-language.ts'
import { sendProblemPage } from '../../platform/http/pages/problem-page.ts'
import { idOf } from '../../platform/http/schemas/ids.ts'
import { pageText } from '../../platform/http/schemas/text.ts'
import type { ServerLimits } from '../../platform/http/server-limits.ts'
import { fallbackLanguage, languages } from '../../platform/texts/texts.ts'
import type { Round } from '../ask-round.ts'
import type { OwnPrompt } from '../own-prompt.ts'
import type { PromptPage } from '../read-prompt-page.ts'
import type * as useCases from '../use-cases.ts'
import { browserCookie, promptCookie, promptPath } from './prompt-cookie.http.ts'
import type { PromptView } from './prompt-page.http.ts'

export type PromptOptions = {
  readonly useCases: Bound<typeof useCases>
  readonly admission: Pick<Admission, 'lookUp'>
  readonly publicOrigin: string
  readonly limits: ServerLimits
  readonly stopping: () => boolean
}

/** Where the page of a prompt is, as a route. */
export const promptRoute = '/t/:tenantId/prompt/:id'

const promptParams = z.strictObject({
  tenantId: idOf('tenant', 'The tenant.'),
  id: idOf('prompt', 'The prompt.'),
})
export const promptQuery = pageQuery.extend({
  sent: z
    .literal('again')
    .exactOptional()
    .meta({ description: 'After a press of "Send it again".', example: 'again' }),
})
export const promptPageAnswer = (description: string) => ({
  description,
  schema: pageText,
  type: 'text/html',
})
/** Of every route here. */
export const promptRefusals = ['integration_paused', 'too_many_requests'] as const

/** Of every operation of a page. */
export const promptOperation = {
  tag: 'integrations',
  params: promptParams,
  querystring: promptQuery,
  refusals: promptRefusals,
} as const

/** The same of what a form of the page sends; `fromOurPageOnly` goes with it. */
export const promptPress = {
  ...promptOperation,
  consumes: [formMediaType, 'application/json'],
  refusals: [...promptRefusals, 'origin_not_allowed'],
} as const

/** A request to the page of a prompt. */
export type PromptRequest = FastifyRequest<{
  Params: { tenantId: TenantId; id: PromptId }
  Querystring: z.output<typeof promptQuery>
}>

/** Refuses what no page of ours has sent, before anything is read. */
export function fromOurPageOnly({ publicOrigin }: Pick<PromptOptions, 'publicOrigin'>) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    if (isFromOurPage(request, { publicOrigin, isPage: false })) return
    return sendProblemPage(reply, 'origin_not_allowed')
  }
}

/**
 * Every answer of the page takes this long, or a multiple. To somebody who exists there is a
 * question to read and to call off, and soon after the first page it is being asked: a page that
 * answers later to some would tell whose name somebody has.
 */
export const pageAnswerMs = 50

/** Reads and does what an answer needs, in a time that says nothing of it. */
export const inAnswerTime = <T>(work: () => Promise<T>): Promise<T> =>
  inEvenTime(pageAnswerMs, work)

/** The prompt of the browser that sends this; to any other there is none. */
export function readPage(
  { useCases, admission, publicOrigin }: PromptOptions,
  request: PromptRequest,
): Promise<PromptPage | Refusal<'not_found' | (typeof promptRefusals)[number]>> {
  const { tenantId, id } = request.params
  const secret = request.cookies[promptCookie(publicOrigin, tenantId, id).name]
  // What a request reads after its own change is never what another read before.
  const key = ['oidc', 'prompt', request.id] as const
  return admission.lookUp(request.ip, key, () => useCases.readPromptPage({ tenantId, id, secret }))
}

/** The prompt of this browser, if it has this way: otherwise there is no such page. */
export async function readEnrollingPage(
  options: PromptOptions,
  request: PromptRequest,
): Promise<PromptPage | Refusal<'not_found' | (typeof promptRefusals)[number]>> {
  const page = await readPage(options, request)
  if (isRefusal(page)) return page
  const { prompt, client } = page.own
  return offersEnrollment(prompt.request, client.settings) ? page : refuse('not_found')
}

/** How the page is seen by this browser. */
export function viewOf({ own: { prompt } }: PromptPage, request: PromptRequest): PromptView {
  const { ui_locales: uiLocales, sent } = request.query ?? {}
  // The language of the prompt is that of its client, until the person chooses another.
  const choice = pageLanguage({ uiLocales }, languages)
  const language = choice ?? pageLanguage({ cookie: prompt.language }, languages)
  return {
    language: language ?? fallbackLanguage,
    path: promptPath(prompt.tenantId, prompt.id),
    suffix: choice === undefined ? '' : `?ui_locales=${choice}`,
    ip: request.ip,
    browser: browserName(request.headers['user-agent']),
    isSentAgain: sent !== undefined,
  }
}

/** Sends a page in the look of the tenant, whose forms also lead back to the client. */
export function sendPromptPage<Reply extends FastifyReply>(
  reply: Reply,
  { own: { prompt }, brand }: PromptPage,
  page: Page,
): Reply {
  const { origin } = new URL(prompt.request.redirectUri)
  return sendPage(reply, { ...page, brand }, { origins: ["'self'", origin] })
}

const browserIdPattern = /^[A-Za-z0-9_-]{43}$/

/** The browser as the limits on questions recognise it, from now on if not before. */
export function initiatorOf(
  { publicOrigin }: Pick<PromptOptions, 'publicOrigin'>,
  { cookies }: FastifyRequest,
  reply: FastifyReply,
): Initiator {
  const { name, options } = browserCookie(publicOrigin)
  const value = cookies[name] ?? ''
  const id = browserIdPattern.test(value) ? value : randomBytes(32).toString('base64url')
  reply.setCookie(name, id, options)
  return { kind: 'browser', id }
}

/** Does it in the background; what goes wrong is for the log, because an answer would tell. */
export function inBackground(request: FastifyRequest, work: () => Promise<unknown>): void {
  work().catch((error: unknown) => {
    request.log.error({ err: error, requestId: request.id }, 'a question of a prompt failed')
  })
}

/** Asks about the round. To be called when the answer is sent. */
export function ask(
  { useCases }: Pick<PromptOptions, 'useCases'>,
  request: FastifyRequest,
  own: OwnPrompt,
  round: Round,
  initiator: Initiator,
): void {
  const name = browserName(request.headers['user-agent'])
  const userAgent = name && [name.browser, name.system].filter(Boolean).join(', ')
  const context = { ip: request.ip, ...(userAgent !== undefined && { userAgent }) }
  const place = { context, initiator, network: networkOf(request.ip) }
  inBackground(request, () => useCases.askRound(own, round, place))
}

/** Begins the next round, and asks when the answer is sent: its time says nothing then. */
export async function beginAndAsk(
  options: PromptOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  own: OwnPrompt,
): Promise<void> {
  const initiator = initiatorOf(options, request, reply)
  const round = await options.useCases.beginRound(own)
  if (isRefusal(round)) return
  reply.raw.once('finish', () => ask(options, request, own, round, initiator))
}
