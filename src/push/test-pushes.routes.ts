import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import { testPushBody } from './test-push.schemas.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const path = '/v1/devices/:id/test-push'
const deviceParams = idParams('id', 'device', 'The device.')

/** Whether pushes reach a device. */
export function testPushRoutes(app: HttpApp, options: Options, done: () => void): void {
  push(app, options)
  read(app, options)
  done()
}

function push(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    `POST ${path}`,
    key('devices:write', {
      operationId: 'pushTest',
      tag: 'devices',
      summary: 'Send a harmless push to a device',
      description:
        'Says "notifications reach this device"; once in 10 s, five times within an ' +
        'hour. Not while the user is suspended, locked, has reported something or has ' +
        'paused pushes. Read its outcome by GET.',
      params: deviceParams,
      answers: { 202: { description: 'The push is queued.', schema: testPushBody } },
      refusals: [
        'device_unregistered',
        'device_suspended',
        'device_not_active',
        'no_push_token',
        'user_suspended',
        'push_locked',
        'pushes_paused',
        'conflict',
        'test_push_too_soon',
      ],
    }),
    (request) => useCases.pushTest(principalOf(request), request.params.id),
  )
}

function read(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    `GET ${path}`,
    key('users:read', {
      operationId: 'readTestPush',
      tag: 'devices',
      summary: 'The outcome of the last test push to a device',
      params: deviceParams,
      answers: { 200: { description: 'The push.', schema: testPushBody } },
    }),
    (request) => useCases.readTestPush(principalOf(request), request.params.id),
  )
}
