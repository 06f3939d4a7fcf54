import { z } from 'zod'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import type { Operation } from '../platform/http/operation.ts'
import { route } from '../platform/http/route.ts'
import { challengeStatus } from '../platform/http/schemas/enumerations.ts'
import { idempotencyHeaders } from '../platform/http/schemas/idempotency.ts'
import { idOf, idParams } from '../platform/http/schemas/ids.ts'
import { pageOf, pageQuery, pageRequest } from '../platform/http/schemas/paging.ts'
import { identifierValue, namespace } from '../platform/http/schemas/text.ts'
import { isDisconnectedOf, wait } from '../platform/http/waiting.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import { stillAllowedOf } from '../tenants/still-allowed.http.ts'
import type * as tenantUseCases from '../tenants/use-cases.ts'
import { referenceOf } from '../users/user.schemas.ts'
import type { UserReference } from '../users/user.store.ts'
import {
  challengeBody,
  challengePage,
  createdChallengeBody,
  evidenceBody,
  newChallenge,
} from './challenge.schemas.ts'
import { challengeEventRoute } from './challenge-events.routes.ts'
import type { CreationResult } from './create-challenge.ts'
import { initiatorOf } from './initiator.schemas.ts'
import type { ChallengeReading } from './read-challenge.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases & typeof tenantUseCases>>

const challengeParams = idParams('id', 'challenge', 'The challenge.')
const one = { 200: { description: 'The challenge.', schema: challengeBody } } as const

function shownChallenge({
  challenge,
  devices,
  result,
}: ChallengeReading): z.output<typeof challengeBody> {
  return { ...challenge, devices, result }
}

/** Challenges as the relying party that asks sees them. */
export function challengeRoutes(app: HttpApp, options: Options, done: () => void): void {
  create(app, options)
  list(app, options)
  read(app, options)
  challengeEventRoute(app, options)
  cancel(app, options)
  resend(app, options)
  evidence(app, options)
  done()
}

const createQuery = z.strictObject({ wait: wait.default(0) })
const createHeaders = idempotencyHeaders(
  'The same key with the same body gives the same challenge, number included: a retry ' +
    'asks nobody twice.',
)

const creation = {
  operationId: 'createChallenge',
  tag: 'challenges',
  summary: 'Ask a user',
  description:
    'The challenge exists before any push is tried. With `wait` the answer comes once ' +
    'the challenge has ended, or after that time. A new question of a browser that the user ' +
    'knows supersedes its pending one, which ends as `cancelled` with the reason `superseded`.',
  querystring: createQuery,
  headers: createHeaders,
  body: newChallenge,
  answers: {
    200: {
      description:
        'An earlier request created it, with this Idempotency-Key, or the same question of ' +
        'this browser was answered at this moment; `Idempotency-Replayed: true` says so.',
      schema: createdChallengeBody,
    },
    201: {
      description: 'The challenge with the number to show.',
      schema: createdChallengeBody,
    },
  },
  refusals: [
    'namespace_not_granted',
    'user_not_found',
    'no_capable_device',
    'user_suspended',
    'push_locked',
    'push_sign_in_off',
    'initiator_blocked',
    'too_many_pending',
    'number_none_not_allowed',
    'number_too_short',
    'return_url_not_allowed',
    'idempotency_key_reused',
    'not_found',
    'conflict',
  ],
} as const satisfies Operation

function create(app: HttpApp, { useCases, key }: Options): void {
  const guardedCreation = key('challenges:write', creation, 'by_statement')
  route(app, 'POST /v1/challenges', guardedCreation, async (request, reply) => {
    const principal = principalOf(request)
    const idempotencyKey = request.headers['idempotency-key']
    const { initiator, ...input } = request.body
    const startedBy = initiatorOf(initiator)
    const command = {
      ...input,
      ...(startedBy && { initiator: startedBy }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    }
    const isGone = isDisconnectedOf(reply)
    const result = await useCases.createChallenge(principal, command, isGone)
    if (isRefusal(result)) return result
    const waitMs = request.query.wait * 1000
    // A replay may find an ended challenge, whose result only a reading has.
    const reading =
      waitMs > 0 || result.challenge.status !== 'pending'
        ? await useCases.waitForChallenge(
            principal,
            result.challenge.id,
            waitMs,
            isGone,
            stillAllowedOf(useCases, request),
          )
        : null
    // A caller whose key was revoked during the wait learns nothing more.
    if (isRefusal(reading)) return reading
    if (result.isReplay) reply.header('idempotency-replayed', 'true')
    reply.code(result.isReplay ? 200 : 201)
    return shownNewChallenge(result, reading)
  })
}

function shownNewChallenge(
  result: CreationResult,
  reading: ChallengeReading | null,
): z.output<typeof createdChallengeBody> {
  const { challenge, number, otherFactors } = result
  if (reading === null) {
    return { ...challenge, number, otherFactors, result: null }
  }
  const pending = reading.challenge.status === 'pending'
  const visibleNumber = pending ? number : null
  return { ...reading.challenge, number: visibleNumber, otherFactors, result: reading.result }
}

const listQuery = z
  .strictObject({
    ...pageQuery('challenge'),
    user: identifierValue.exactOptional(),
    namespace: namespace.exactOptional(),
    userId: idOf('user', 'The user, by id.').exactOptional(),
    status: challengeStatus.exactOptional(),
  })
  .refine(({ user, userId }) => user === undefined || userId === undefined, {
    message: 'user and userId exclude each other',
    path: ['userId'],
  })
  .refine(({ user, namespace: within }) => user !== undefined || within === undefined, {
    message: 'namespace goes with user',
    path: ['namespace'],
  })

function userOf(query: z.output<typeof listQuery>): UserReference | string | null {
  if (query.userId !== undefined) return { id: query.userId }
  return query.user === undefined ? null : referenceOf(query.user, query.namespace)
}

function list(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/challenges',
    key('challenges:write', {
      operationId: 'listChallenges',
      tag: 'challenges',
      summary: 'Page through the challenges of the relying party',
      querystring: listQuery,
      answers: { 200: { description: 'The challenges.', schema: challengePage } },
      refusals: ['namespace_not_granted', 'not_found'],
    }),
    async (request) => {
      const page = pageRequest(request.query)
      const query = { user: userOf(request.query), status: request.query.status ?? null }
      const rows = await useCases.listChallenges(principalOf(request), query, page)
      return isRefusal(rows) ? rows : pageOf(rows, page)
    },
  )
}

function read(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/challenges/:id',
    key('challenges:write', {
      operationId: 'readChallenge',
      tag: 'challenges',
      summary: 'Read a challenge, waiting for it to end',
      params: challengeParams,
      querystring: createQuery,
      answers: one,
    }),
    async (request, reply) => {
      const principal = principalOf(request)
      const { id } = request.params
      const waitMs = request.query.wait * 1000
      const reading =
        waitMs === 0
          ? await useCases.readChallenge(principal, id)
          : await useCases.waitForChallenge(
              principal,
              id,
              waitMs,
              isDisconnectedOf(reply),
              stillAllowedOf(useCases, request),
            )
      return isRefusal(reading) ? reading : shownChallenge(reading)
    },
  )
}

function cancel(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/challenges/:id/cancel',
    key('challenges:write', {
      operationId: 'cancelChallenge',
      tag: 'challenges',
      summary: 'Cancel a pending challenge',
      description: 'Cancelling a cancelled challenge changes nothing; any other end is final.',
      params: challengeParams,
      answers: one,
      refusals: ['challenge_ended'],
    }),
    async (request) => {
      const reading = await useCases.cancelChallenge(principalOf(request), request.params.id)
      return isRefusal(reading) ? reading : shownChallenge(reading)
    },
  )
}

function resend(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/challenges/:id/resend',
    key('challenges:write', {
      operationId: 'resendChallenge',
      tag: 'challenges',
      summary: 'Push a pending challenge again',
      description: 'Number and expiry stay as they are.',
      params: challengeParams,
      answers: one,
      refusals: [
        'challenge_ended',
        'resend_too_soon',
        'resends_used_up',
        'nothing_to_push',
        'push_suppressed',
        'push_locked',
        'push_sign_in_off',
        'user_suspended',
        'conflict',
      ],
    }),
    async (request) => {
      const reading = await useCases.resendChallenge(principalOf(request), request.params.id)
      return isRefusal(reading) ? reading : shownChallenge(reading)
    },
  )
}

function evidence(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/challenges/:id/evidence',
    key('challenges:write', {
      operationId: 'readEvidence',
      tag: 'challenges',
      summary: 'The signed question, the signed answer and the key that answered',
      description: 'There is none until a device has decided.',
      params: challengeParams,
      answers: { 200: { description: 'The evidence.', schema: evidenceBody } },
    }),
    (request) => useCases.readEvidence(principalOf(request), request.params.id),
  )
}
