import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import { personalDataBody } from './personal-data.schemas.ts'
import { personalDataStream } from './personal-data-stream.http.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const userParams = idParams('userId', 'user', 'The user.')

/** Requests of persons about their data: export and erasure. */
export function personalDataRoutes(
  app: HttpApp,
  { useCases, key, limits, stopping }: Options,
  done: () => void,
): void {
  route(
    app,
    'GET /v1/users/:userId/export',
    key('admin', {
      operationId: 'exportUser',
      tag: 'users',
      summary: 'Everything that is stored about a user',
      description:
        'As it was at one moment, and sent as it is read: a response that breaks off is not whole.',
      params: userParams,
      answers: { 200: { description: 'The data.', schema: personalDataBody } },
      refusals: ['export_busy'],
    }),
    async (request, reply) => {
      const reading = await useCases.exportUser(principalOf(request), request.params.userId)
      if (isRefusal(reading)) return reading
      const body: unknown = personalDataStream(reading, limits, stopping)
      return reply.type('application/json; charset=utf-8').send(body as never)
    },
  )
  route(
    app,
    'POST /v1/users/:userId/erase',
    key('admin', {
      operationId: 'eraseUser',
      tag: 'users',
      summary: 'Erase a user permanently',
      description:
        'Devices are unregistered, what is pending ends, and keys, tokens, contexts and ' +
        'names are gone. That there were devices, and when, stays on record (NIST SP ' +
        '800-63B-4, 4.1).',
      params: userParams,
      answers: { 204: nothing('Erased.') },
    }),
    (request) => useCases.eraseUser(principalOf(request), request.params.userId),
  )
  done()
}
