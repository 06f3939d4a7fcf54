// The page of a prompt, and what is pressed on it.

import type { FastifyReply } from 'fastify'
import { isRefusal } from '../../domain/refusal.ts'
import { networkOf } from '../../platform/http/admission.ts'
import { parseForms } from '../../platform/http/form-body.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { nothing, publicOperation } from '../../platform/http/operation.ts'
import { sendRefusalPage } from '../../platform/http/pages/problem-page.ts'
import type { OwnPrompt } from '../own-prompt.ts'
import { lateRound } from '../prompt-progress.ts'
import { sendClientAnswer } from './client-answer.http.ts'
import {
  ask,
  beginAndAsk,
  fromOurPageOnly,
  inAnswerTime,
  inBackground,
  initiatorOf,
  type PromptOptions,
  type PromptRequest,
  promptOperation,
  promptPageAnswer,
  promptPress,
  promptRoute,
  readPage,
  sendPromptPage,
  viewOf,
} from './prompt-call.http.ts'
import { promptPage } from './prompt-page.http.ts'

/** The page of a prompt and its buttons. */
export function promptRoutes(app: HttpApp, options: PromptOptions, done: () => void): void {
  parseForms(app)
  show(app, options)
  for (const press of presses) button(app, options, press)
  goBack(app, options)
  done()
}

/** True where the client has said who is asked, and the integration wants it at once. */
const asksAtOnce = ({ state, prompt: { request }, client: { settings } }: OwnPrompt) =>
  state === 'ready' && request.isBound && settings.asksAtOnce

function show(app: HttpApp, options: PromptOptions): void {
  app.get(
    promptRoute,
    publicOperation({
      ...promptOperation,
      operationId: 'readPromptPage',
      summary: 'The page of a prompt, in the browser that began it',
      description: 'To any other browser there is no such page.',
      answers: { 200: promptPageAnswer('The page.') },
    }),
    async (request, reply) => {
      const page = await inAnswerTime(() => pageAfterAsking(options, request, reply))
      if (isRefusal(page)) return sendRefusalPage(reply, page)
      return sendPromptPage(reply, page, promptPage(page, viewOf(page, request)))
    },
  )
}

/** The page as it is after the person is asked, where that is due. */
async function pageAfterAsking(
  options: PromptOptions,
  request: PromptRequest,
  reply: FastifyReply,
): ReturnType<typeof readPage> {
  const page = await readPage(options, request)
  if (isRefusal(page)) return page
  const { own } = page
  if (asksAtOnce(own)) {
    await beginAndAsk(options, request, reply, own)
    return readPage(options, request)
  }
  const initiator = initiatorOf(options, request, reply)
  const round = lateRound(own)
  if (round) reply.raw.once('finish', () => ask(options, request, own, round, initiator))
  return page
}

/** A button of the page: what it does leads back to the page. */
type Press = {
  readonly action: string
  readonly operationId: string
  readonly summary: string
  readonly act: (
    options: PromptOptions,
    own: OwnPrompt,
    request: PromptRequest,
    reply: FastifyReply,
  ) => Promise<void>
  /** What the page is to say of it. */
  readonly sent?: true
}

const presses: readonly Press[] = [
  {
    action: 'ask',
    operationId: 'askByPrompt',
    summary: 'Ask the person, where the page waits for a press',
    act: async (options, own, request, reply) => {
      if (own.state === 'ready') await beginAndAsk(options, request, reply, own)
    },
  },
  {
    action: 'more',
    operationId: 'askMoreByPrompt',
    summary: 'Show one more number, once',
    act: async (options, own, request, reply) => {
      if (own.state === 'asking' || own.state === 'round_over') {
        await beginAndAsk(options, request, reply, own)
      }
    },
  },
  {
    action: 'again',
    operationId: 'askAgainByPrompt',
    summary: 'Push the question again, as the policy allows',
    sent: true,
    act: async ({ useCases }, own, request, reply) => {
      const resend = () => useCases.resendRound(own, networkOf(request.ip))
      reply.raw.once('finish', () => inBackground(request, resend))
    },
  },
  {
    action: 'cancel',
    operationId: 'cancelPrompt',
    summary: 'End the prompt',
    act: ({ useCases }, own) => useCases.cancelPrompt(own),
  },
]

function button(
  app: HttpApp,
  options: PromptOptions,
  { action, act, sent, operationId, summary }: Press,
): void {
  app.post(
    `${promptRoute}/${action}`,
    {
      onRequest: fromOurPageOnly(options),
      ...publicOperation({
        ...promptPress,
        ...{ operationId, summary },
        answers: { 303: nothing('To the page.') },
      }),
    },
    async (request, reply) => {
      const page = await inAnswerTime(async () => {
        const reading = await readPage(options, request)
        if (!isRefusal(reading)) await act(options, reading.own, request, reply)
        return reading
      })
      if (isRefusal(page)) return sendRefusalPage(reply, page)
      const { path, suffix } = viewOf(page, request)
      const more = sent ? `${suffix === '' ? '?' : '&'}sent=again` : ''
      return reply.redirect(`${path}${suffix}${more}`, 303)
    },
  )
}

function goBack(app: HttpApp, options: PromptOptions): void {
  app.post(
    `${promptRoute}/return`,
    {
      onRequest: fromOurPageOnly(options),
      ...publicOperation({
        ...promptPress,
        operationId: 'returnFromPrompt',
        summary: 'Lead the browser back to the client, with the answer',
        answers: {
          200: promptPageAnswer('A page that posts the answer to the client.'),
          303: nothing('To the client with the answer, or to the page where there is none.'),
        },
        refusals: [...promptPress.refusals, 'redirect_uri_unknown'],
      }),
    },
    async (request, reply) => {
      const outcome = await inAnswerTime(async () => {
        const page = await readPage(options, request)
        return isRefusal(page)
          ? page
          : { page, answer: await options.useCases.answerClient(page.own) }
      })
      if (isRefusal(outcome)) return sendRefusalPage(reply, outcome)
      const { page, answer } = outcome
      const { path, suffix, language } = viewOf(page, request)
      if (isRefusal(answer)) {
        return answer.refused === 'redirect_uri_unknown'
          ? sendRefusalPage(reply, answer)
          : reply.redirect(`${path}${suffix}`, 303)
      }
      return sendClientAnswer(reply, answer, language, page.brand)
    },
  )
}
