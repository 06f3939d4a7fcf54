import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { ChallengeId } from '../domain/ids.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import { eventStream, type Reading } from '../platform/http/event-stream.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { shownText } from '../platform/http/schemas/text.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import { stillAllowedOf } from '../tenants/still-allowed.http.ts'
import type * as tenantUseCases from '../tenants/use-cases.ts'
import { challengeBody } from './challenge.schemas.ts'
import { type ChallengeReading, rereadEveryMs } from './read-challenge.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases & typeof tenantUseCases>>

function readingOf({ challenge, devices, result }: ChallengeReading): Reading {
  // Streams do not pass the serializer, so the schema is applied here.
  const body = z.encode(challengeBody, { ...challenge, devices, result })
  return { data: JSON.stringify(body), final: challenge.status !== 'pending' }
}

function follow({ useCases, limits, stopping }: Options, request: FastifyRequest, id: ChallengeId) {
  const principal = principalOf(request)
  const stillAllowed = stillAllowedOf(useCases, request)
  return (first: ChallengeReading) =>
    eventStream({
      event: 'challenge',
      first: readingOf(first),
      next: async (waitMs, isAborted) => {
        const reading = await useCases.waitForChallenge(
          principal,
          id,
          waitMs,
          isAborted,
          stillAllowed,
        )
        return isRefusal(reading) ? null : readingOf(reading)
      },
      rereadMs: rereadEveryMs,
      heartbeatMs: limits.heartbeatMs,
      streamMs: limits.streamMs,
      stopping,
    })
}

/** Follows a challenge by server-sent events. */
export function challengeEventRoute(app: HttpApp, options: Options): void {
  const { useCases, key } = options
  route(
    app,
    'GET /v1/challenges/:id/events',
    key('challenges:write', {
      operationId: 'followChallenge',
      tag: 'challenges',
      summary: 'Follow a challenge by server-sent events',
      description:
        'An event `challenge` with the challenge as JSON, immediately and at each ' +
        'change; the stream ends after the one whose status is final, when the key is ' +
        'revoked, and after ten minutes at the latest.',
      params: idParams('id', 'challenge', 'The challenge.'),
      answers: {
        200: {
          description: 'The events.',
          schema: shownText(
            'event: challenge\ndata: {"id":"...","status":"pending"}\n\n',
            'Events, each with a `Challenge` as its data.',
          ),
          type: 'text/event-stream',
        },
      },
    }),
    async (request, reply) => {
      const principal = principalOf(request)
      const { id } = request.params
      const first = await useCases.readChallenge(principal, id)
      if (isRefusal(first)) return first
      // Proxies that buffer would hold the events back.
      reply.type('text/event-stream').header('x-accel-buffering', 'no')
      return reply.send(follow(options, request, id)(first))
    },
  )
}
