// The page of a prompt, followed by server-sent events.

import { isRefusal } from '../../domain/refusal.ts'
import { eventStream, type Reading } from '../../platform/http/event-stream.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { publicOperation } from '../../platform/http/operation.ts'
import { sendRefusalPage } from '../../platform/http/pages/problem-page.ts'
import { shownText } from '../../platform/http/schemas/text.ts'
import type { Watch } from '../../platform/signals.ts'
import type { Language } from '../../platform/texts/texts.ts'
import type { OwnPrompt } from '../own-prompt.ts'
import { lateRound } from '../prompt-progress.ts'
import {
  ask,
  fromOurPageOnly,
  inAnswerTime,
  initiatorOf,
  type PromptOptions,
  type PromptRequest,
  promptOperation,
  promptRefusals,
  promptRoute,
  readPage,
  viewOf,
} from './prompt-call.http.ts'
import { pageKeyOf, statusOf } from './prompt-page.http.ts'

/** The longest delay that a lost signal causes, and that of what is not signalled. */
const rereadMs = 2_000

/** Which page is due, and what its status line says. */
function readingOf(own: OwnPrompt, language: Language, firstKey: string): Reading {
  const page = pageKeyOf(own)
  const text = own.state === 'over' ? '' : statusOf(own, language)
  return { data: JSON.stringify({ page, text }), final: own.state === 'over' || page !== firstKey }
}

/** Until the number of the round ends by itself. */
function toRoundEndMs({ prompt: { roundUntil, expiresAt, now } }: OwnPrompt): number {
  const until = roundUntil !== null && roundUntil > now ? roundUntil : expiresAt
  return Math.max(0, until.getTime() - now.getTime()) + 1
}

function follow(
  options: PromptOptions,
  request: PromptRequest,
  first: OwnPrompt,
  language: Language,
  watch: Watch,
) {
  const key = pageKeyOf(first)
  let own = first
  let isWatched = false
  const stream = eventStream({
    event: 'prompt',
    first: readingOf(own, language, key),
    next: async (waitMs) => {
      // What changed before the watch was open is read at once.
      if (isWatched) await watch.next(Math.min(waitMs, toRoundEndMs(own)))
      isWatched = true
      const page = await readPage(options, request)
      if (isRefusal(page)) return null
      ;({ own } = page)
      return readingOf(own, language, key)
    },
    rereadMs,
    heartbeatMs: options.limits.heartbeatMs,
    streamMs: options.limits.streamMs,
    stopping: options.stopping,
  })
  stream.once('close', () => watch.close())
  return stream
}

/** Follows a prompt; the stream ends with its page. */
export function promptEventRoutes(app: HttpApp, options: PromptOptions, done: () => void): void {
  app.get(
    `${promptRoute}/events`,
    {
      onRequest: fromOurPageOnly(options),
      ...publicOperation({
        ...promptOperation,
        operationId: 'followPrompt',
        summary: 'Follow a prompt by server-sent events, in the browser that began it',
        description:
          'An event `prompt` with the name of the page that is due and the text of its status ' +
          'line, immediately and at each change; the stream ends when another page is due.',
        answers: {
          200: {
            description: 'The events.',
            schema: shownText('event: prompt\ndata: {"page":"asking 1","text":"..."}\n\n'),
            type: 'text/event-stream',
          },
        },
        refusals: [...promptRefusals, 'origin_not_allowed'],
      }),
    },
    async (request, reply) => {
      const page = await inAnswerTime(() => readPage(options, request))
      if (isRefusal(page)) return sendRefusalPage(reply, page)
      const { own } = page
      const watch = await options.useCases.watchPrompt(own)
      if (isRefusal(watch)) return sendRefusalPage(reply, watch)
      // For every name, like the page: a cookie that comes only where nobody is asked would say so.
      const initiator = initiatorOf(options, request, reply)
      const round = lateRound(own)
      if (round) ask(options, request, own, round, initiator)
      // Proxies that buffer would hold the events back.
      reply.type('text/event-stream').header('x-accel-buffering', 'no')
      return reply.send(follow(options, request, own, viewOf(page, request).language, watch))
    },
  )
  done()
}
