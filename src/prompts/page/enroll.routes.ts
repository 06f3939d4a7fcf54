// Where the person of a prompt enrolls a first device, if the integration has this way.

import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { roundsMax } from '../../domain/prompt.ts'
import { mayBeginEnrollment } from '../../domain/prompt-enrollment.ts'
import { isRefusal, refuse } from '../../domain/refusal.ts'
import { inEvenTime } from '../../platform/http/even-time.ts'
import { eventStream, type Reading } from '../../platform/http/event-stream.ts'
import { parseForms } from '../../platform/http/form-body.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { nothing, publicOperation } from '../../platform/http/operation.ts'
import { sendRefusalPage } from '../../platform/http/pages/problem-page.ts'
import { shownText } from '../../platform/http/schemas/text.ts'
import type { Watch } from '../../platform/signals.ts'
import type { PromptEnrollment } from '../read-prompt-enrollment.ts'
import type { PromptPage } from '../read-prompt-page.ts'
import type { ShownEnrollment } from './enroll-page.http.ts'
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
  readEnrollingPage,
  sendPromptPage,
  viewOf,
} from './prompt-call.http.ts'
import { codeAnswerMs } from './prompt-code.routes.ts'

const path = `${promptRoute}/enroll`

/** The pages, loaded when the first one is shown: few integrations have them. */
const loadPages = () => import('./enroll-page.http.ts')

export type EnrollOptions = PromptOptions & {
  /** Address of the app in which a browser is the device; null where there is none. */
  readonly authenticator: string | null
}

/** Left empty where a window is to permit it; a browser sends the field then, too. */
const enrollmentOrder = z
  .strictObject({
    code: z
      .string()
      .max(128)
      .exactOptional()
      .meta({ description: 'Of the help desk, as typed.', example: '7K3Q-M9TX-2R8B-0VWD' }),
  })
  .meta({ id: 'PromptEnrollmentOrder', description: 'What permits a first device at a prompt.' })

/** The page on which a first device is enrolled, and what its form sends. */
export function enrollRoutes(app: HttpApp, options: EnrollOptions, done: () => void): void {
  parseForms(app)
  show(app, options)
  begin(app, options)
  followEnrollment(app, options)
  done()
}

function show(app: HttpApp, options: EnrollOptions): void {
  app.get(
    path,
    publicOperation({
      ...promptOperation,
      operationId: 'readPromptEnrollmentPage',
      summary: 'Where a first device is enrolled at a prompt',
      description:
        'There is no such page where the integration does not have `enrollmentAllowed`, or where ' +
        'the client does not itself say who is asked.',
      answers: {
        200: promptPageAnswer(
          'The form, the codes of the device, its number, or that it is there.',
        ),
        303: nothing('To the page of the prompt, where nothing can be enrolled (any more).'),
      },
    }),
    async (request, reply) => {
      const outcome = await inAnswerTime(async () => {
        const page = await readEnrollingPage(options, request)
        return isRefusal(page) ? page : { page, enrollment: await enrollmentOf(options, page) }
      })
      if (isRefusal(outcome)) return sendRefusalPage(reply, outcome)
      return sendCurrentPage(options, request, reply, outcome)
    },
  )
}

async function enrollmentOf({ useCases }: EnrollOptions, { own }: PromptPage) {
  return own.state === 'over' ? null : useCases.readPromptEnrollment(own)
}

/** The page as far as the enrollment has come. */
async function sendCurrentPage<Reply extends FastifyReply>(
  { authenticator }: EnrollOptions,
  request: PromptRequest,
  reply: Reply,
  { page, enrollment }: { page: PromptPage; enrollment: PromptEnrollment | null },
): Promise<Reply> {
  const { own } = page
  const pages = await loadPages()
  const view = viewOf(page, request)
  if (enrollment?.status === 'completed' && isToBeAsked(page)) {
    return sendPromptPage(reply, page, pages.enrollDonePage(own, view))
  }
  if (enrollment?.status === 'open' || enrollment?.status === 'claimed') {
    const shownEnrollment: ShownEnrollment = {
      ...enrollment,
      qrSvg: await pictureOf(enrollment.codes),
    }
    return sendPromptPage(
      reply,
      page,
      pages.enrollWaitingPage(own, view, shownEnrollment, authenticator),
    )
  }
  const mayBegin = mayBeginEnrollment(own.prompt, own.prompt.now)
  if (!mayBegin || enrollment?.status === 'completed') {
    reply.redirect(`${view.path}${view.suffix}`, 303)
    return reply
  }
  return sendPromptPage(
    reply,
    page,
    pages.enrollFormPage(view, enrollment === null ? null : 'over'),
  )
}

/** Whether the new device has not been asked, and can be. */
const isToBeAsked = ({ own: { question, prompt } }: PromptPage) =>
  question === null && prompt.round < roundsMax

async function pictureOf(codes: ShownEnrollment['codes']): Promise<string | null> {
  if (codes === null) return null
  const { toString: drawQrCode } = await import('qrcode')
  return drawQrCode(codes.uri, { type: 'svg', errorCorrectionLevel: 'M' })
}

function begin(app: HttpApp, options: EnrollOptions): void {
  app.post(
    path,
    {
      onRequest: fromOurPageOnly(options),
      ...publicOperation({
        ...promptPress,
        operationId: 'enrollAtPrompt',
        summary: 'Begin to enroll a first device at a prompt',
        description:
          'In an open enrollment window, or by a temporary code, which it uses up; never for a ' +
          'user who has or had a device or recovery codes. The answer and its time are the same ' +
          'for all that speaks against it.',
        body: enrollmentOrder,
        answers: {
          303: nothing('To the page with the codes, or to that of the prompt, which is over.'),
          422: promptPageAnswer('The form: it is not possible.'),
        },
      }),
    },
    async (request, reply) => {
      const { code = '' } = request.body
      const outcome = await inEvenTime(codeAnswerMs, () => order(options, request, reply, code))
      if (isRefusal(outcome)) return sendRefusalPage(reply, outcome)
      const { page, answer } = outcome
      const view = viewOf(page, request)
      if (answer === 'open') return reply.redirect(`${view.path}/enroll${view.suffix}`, 303)
      if (answer.refused === 'challenge_ended') {
        return reply.redirect(`${view.path}${view.suffix}`, 303)
      }
      const { enrollFormPage } = await loadPages()
      return sendPromptPage(reply.code(422), page, enrollFormPage(view, 'refused'))
    },
  )
}

async function order(
  options: EnrollOptions,
  request: PromptRequest,
  reply: FastifyReply,
  code: string,
) {
  const page = await readEnrollingPage(options, request)
  if (isRefusal(page)) return page
  const initiator = initiatorOf(options, request, reply)
  const command = { code: code === '' ? null : code, initiator }
  return { page, answer: await options.useCases.enrollAtPrompt(page.own, command) }
}

/** The longest delay that a lost signal causes, and that of an end by time. */
const rereadMs = 2_000

function follow(
  options: PromptOptions,
  request: PromptRequest,
  read: (page: PromptPage) => Promise<Reading>,
  first: Reading,
  watch: Watch,
) {
  let isWatched = false
  const stream = eventStream({
    event: 'prompt',
    first,
    next: async (waitMs) => {
      // What changed before the watch was open is read at once.
      if (isWatched) await watch.next(waitMs)
      isWatched = true
      const page = await readEnrollingPage(options, request)
      if (isRefusal(page)) return null
      const reading = await read(page)
      return { ...reading, final: reading.final || reading.data !== first.data }
    },
    rereadMs,
    heartbeatMs: options.limits.heartbeatMs,
    streamMs: options.limits.streamMs,
    stopping: options.stopping,
  })
  stream.once('close', () => watch.close())
  return stream
}

function followEnrollment(app: HttpApp, options: EnrollOptions): void {
  app.get(
    `${path}/events`,
    {
      onRequest: fromOurPageOnly(options),
      ...publicOperation({
        ...promptOperation,
        operationId: 'followPromptEnrollment',
        summary: 'Follow the enrollment of a prompt by server-sent events',
        description:
          'An event `prompt` with the name of the page that is due, immediately and when it is ' +
          'another one, which ends the stream.',
        answers: {
          200: {
            description: 'The events.',
            schema: shownText('event: prompt\ndata: {"page":"open enr_...","text":"..."}\n\n'),
            type: 'text/event-stream',
          },
        },
        refusals: promptPress.refusals,
      }),
    },
    async (request, reply) => {
      const page = await readEnrollingPage(options, request)
      if (isRefusal(page)) return sendRefusalPage(reply, page)
      const { own } = page
      const enrollment = await options.useCases.readPromptEnrollment(own)
      if (enrollment === null) return sendRefusalPage(reply, refuse('not_found'))
      const watch = await options.useCases.watchPromptEnrollment(own, enrollment.id)
      if (isRefusal(watch)) return sendRefusalPage(reply, watch)
      // Proxies that buffer would hold the events back.
      reply.type('text/event-stream').header('x-accel-buffering', 'no')
      const { language } = viewOf(page, request)
      const { enrollReadingOf } = await loadPages()
      const read = async ({ own: current }: PromptPage) =>
        enrollReadingOf(current, await options.useCases.readPromptEnrollment(current), language)
      const first = enrollReadingOf(own, enrollment, language)
      return reply.send(follow(options, request, read, first, watch))
    },
  )
}
