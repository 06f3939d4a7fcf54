import { z } from 'zod'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { pushStatus } from '../platform/http/schemas/enumerations.ts'
import { idParams, shownId } from '../platform/http/schemas/ids.ts'
import { timestamp } from '../platform/http/schemas/time.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const path = '/v1/devices/:id/test-push'
const deviceParams = idParams('id', 'device', 'The device.')
const testPushBody = z
  .object({
    id: shownId('delivery', 'The push.'),
    deviceId: shownId('device', 'The device it is sent to.'),
    status: pushStatus,
    reason: z.string().nullable().meta({ description: 'Why it was not delivered.' }),
    attempts: z.uint32(),
    createdAt: timestamp('When it was requested.'),
    settledAt: timestamp('When the outcome was known.').nullable(),
  })
  .meta({
    id: 'TestPush',
    description:
      'A harmless push, and the answer of the provider: `sent` means that it was accepted.',
  })

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
