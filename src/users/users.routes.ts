import { z } from 'zod'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { pageBody, pageOf, pageQuery, pageRequest } from '../platform/http/schemas/paging.ts'
import { identifierValue, namespace } from '../platform/http/schemas/text.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import type * as useCases from './use-cases.ts'
import { importedUser, referenceOf, userBody } from './user.schemas.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const userPage = pageBody(userBody, 'UserPage', 'Users, newest first.')
const userParams = idParams('userId', 'user', 'The user.')

/** Users and how they are named. */
export function userRoutes(app: HttpApp, options: Options, done: () => void): void {
  importOne(app, options)
  list(app, options)
  read(app, options)
  done()
}

function importOne(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/users',
    key('users:write', {
      operationId: 'importUser',
      tag: 'users',
      summary: 'Import a user',
      description: 'Returns the user who has all these identifiers, creating it if nobody has any.',
      body: importedUser,
      answers: {
        200: { description: 'The user was there already.', schema: userBody },
        201: { description: 'The new user.', schema: userBody },
      },
      refusals: ['namespace_not_granted', 'identifier_taken'],
    }),
    async (request, reply) => {
      const result = await useCases.importUser(principalOf(request), request.body)
      if (isRefusal(result)) return result
      const { user, isNew } = result
      reply.code(isNew ? 201 : 200)
      return user
    },
  )
}

function list(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/users',
    key('users:read', {
      operationId: 'listUsers',
      tag: 'users',
      summary: 'Look a user up, or page through all',
      description: 'With `identifier`: the one user so named, or an empty list.',
      querystring: z
        .strictObject({
          ...pageQuery('user'),
          identifier: identifierValue.exactOptional(),
          namespace: namespace.exactOptional(),
        })
        .refine(
          ({ identifier, namespace: within }) => identifier !== undefined || within === undefined,
          {
            message: 'namespace goes with identifier',
            path: ['namespace'],
          },
        ),
      answers: { 200: { description: 'The users.', schema: userPage } },
      refusals: ['namespace_not_granted'],
    }),
    async (request) => {
      const principal = principalOf(request)
      const { identifier, namespace: within, ...paging } = request.query
      const page = pageRequest(paging)
      if (identifier === undefined) return pageOf(await useCases.listUsers(principal, page), page)
      const user = await useCases.findUser(principal, referenceOf(identifier, within))
      if (!isRefusal(user)) return { items: [user], nextCursor: null }
      if (user.refused === 'not_found') return { items: [], nextCursor: null }
      return { ...user, refused: user.refused }
    },
  )
}

function read(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/users/:userId',
    key('users:read', {
      operationId: 'readUser',
      tag: 'users',
      summary: 'Read a user',
      params: userParams,
      answers: { 200: { description: 'The user.', schema: userBody } },
    }),
    (request) => useCases.readUser(principalOf(request), request.params.userId),
  )
}
