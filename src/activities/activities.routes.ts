import { z } from 'zod'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idempotencyHeaders } from '../platform/http/schemas/idempotency.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { pageOf, pageQuery, pageRequest } from '../platform/http/schemas/paging.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import { activityBody, activityPage, postedActivity } from './activity.schemas.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const userParams = idParams('userId', 'user', 'The user.')

/** What happened to users, recorded by the service or posted by relying parties. */
export function activityRoutes(app: HttpApp, options: Options, done: () => void): void {
  list(app, options)
  post(app, options)
  done()
}

function list(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/users/:userId/activities',
    key('users:read', {
      operationId: 'listActivities',
      tag: 'users',
      summary: 'What happened to a user',
      description: 'Activities that other relying parties posted are left out.',
      params: userParams,
      querystring: z.strictObject(pageQuery('activity')),
      answers: { 200: { description: 'The activities.', schema: activityPage } },
    }),
    async (request) => {
      const page = pageRequest(request.query)
      const { userId } = request.params
      const rows = await useCases.listActivities(principalOf(request), userId, page)
      return isRefusal(rows) ? rows : pageOf(rows, page)
    },
  )
}

function post(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/users/:userId/activities',
    key('activities:write', {
      operationId: 'postActivity',
      tag: 'users',
      summary: 'Post to a user what happened at the relying party',
      description:
        "Shown on the user's devices as a claim of this relying party; no other relying " +
        "party can read it. Pushed by severity and the user's preferences, within the " +
        'limit of the policy.',
      params: userParams,
      headers: idempotencyHeaders(
        'The same key with the same body gives the same activity: a retry notifies nobody twice.',
      ),
      body: postedActivity,
      answers: {
        200: {
          description:
            'An earlier request with this Idempotency-Key created it; ' +
            '`Idempotency-Replayed: true` says so.',
          schema: activityBody,
        },
        201: { description: 'The activity.', schema: activityBody },
      },
      refusals: ['idempotency_key_reused'],
    }),
    async (request, reply) => {
      const idempotencyKey = request.headers['idempotency-key']
      const result = await useCases.postActivity(principalOf(request), {
        ...request.body,
        userId: request.params.userId,
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      })
      if (isRefusal(result)) return result
      if (result.isReplay) reply.header('idempotency-replayed', 'true')
      reply.code(result.isReplay ? 200 : 201)
      return result.activity
    },
  )
}
