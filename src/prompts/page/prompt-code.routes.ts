// Where the person of a prompt types a code.

import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { isRefusal } from '../../domain/refusal.ts'
import { inEvenTime } from '../../platform/http/even-time.ts'
import { parseForms } from '../../platform/http/form-body.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { nothing, publicOperation } from '../../platform/http/operation.ts'
import { sendRefusalPage } from '../../platform/http/pages/problem-page.ts'
import {
  fromOurPageOnly,
  inAnswerTime,
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
import { codePage } from './prompt-page.http.ts'

const path = `${promptRoute}/code`

/**
 * Every answer to a code takes this long, or a multiple. A right person costs statements and a
 * commit that a wrong one does not, and a page that answers later to some would tell which.
 */
export const codeAnswerMs = 500

const typedCode = z
  .strictObject({
    code: z.string().min(1).max(128).meta({ description: 'As typed.', example: '492039' }),
  })
  .meta({ id: 'PromptCode', description: 'A code that the person of a prompt typed.' })

/** The form for a code, and what it sends. */
export function promptCodeRoutes(app: HttpApp, options: PromptOptions, done: () => void): void {
  parseForms(app)
  form(app, options)
  type(app, options)
  done()
}

function form(app: HttpApp, options: PromptOptions): void {
  app.get(
    path,
    publicOperation({
      ...promptOperation,
      operationId: 'readPromptCodePage',
      summary: 'Where a code is typed instead',
      answers: {
        200: promptPageAnswer('The form.'),
        303: nothing('To the page of the prompt, which is over.'),
      },
    }),
    async (request, reply) => {
      const page = await inAnswerTime(() => readPage(options, request))
      if (isRefusal(page)) return sendRefusalPage(reply, page)
      const view = viewOf(page, request)
      if (page.own.state === 'over') return reply.redirect(`${view.path}${view.suffix}`, 303)
      return sendPromptPage(reply, page, codePage(page, view, null))
    },
  )
}

function type(app: HttpApp, options: PromptOptions): void {
  app.post(
    path,
    {
      onRequest: fromOurPageOnly(options),
      ...publicOperation({
        ...promptPress,
        operationId: 'typePromptCode',
        summary: 'Type a code instead',
        description:
          'The answer and its time are the same for a wrong code and for a person who does not ' +
          'exist, is locked or is suspended.',
        body: typedCode,
        answers: {
          303: nothing('To the page of the prompt.'),
          422: promptPageAnswer('The form, with what is wrong with the code.'),
        },
      }),
    },
    async (request, reply) => {
      const { code } = request.body
      const outcome = await inEvenTime(codeAnswerMs, () => check(options, request, reply, code))
      if (isRefusal(outcome)) return sendRefusalPage(reply, outcome)
      const { page, answer } = outcome
      const view = viewOf(page, request)
      if (answer === 'ended' || answer.refused === 'challenge_ended') {
        return reply.redirect(`${view.path}${view.suffix}`, 303)
      }
      return sendPromptPage(reply.code(422), page, codePage(page, view, answer.refused))
    },
  )
}

async function check(
  options: PromptOptions,
  request: PromptRequest,
  reply: FastifyReply,
  code: string,
) {
  const page = await readPage(options, request)
  if (isRefusal(page)) return page
  const initiator = initiatorOf(options, request, reply)
  return { page, answer: await options.useCases.typeCode(page.own, code, initiator) }
}
