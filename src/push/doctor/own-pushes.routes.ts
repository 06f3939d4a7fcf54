import type { DeviceOptions } from '../../devices/device.http.ts'
import { proofOf } from '../../devices/device-proof.guard.ts'
import { isRefusal } from '../../domain/refusal.ts'
import type { Bound } from '../../platform/bound.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { nothing } from '../../platform/http/operation.ts'
import { route } from '../../platform/http/route.ts'
import { idParams } from '../../platform/http/schemas/ids.ts'
import { testPushBody } from '../test-push.schemas.ts'
import type * as useCases from '../use-cases.ts'
import { ownPushReportBody, shownOwnReport } from './push-report.schemas.ts'

type Options = DeviceOptions<Bound<typeof useCases>>

/** The push doctor of a device. */
export function ownPushRoutes(app: HttpApp, options: Options, done: () => void): void {
  read(app, options)
  test(app, options)
  receive(app, options)
  done()
}

function read(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'GET /device/v1/self/pushes',
    proof('possession', {
      operationId: 'readOwnPushes',
      tag: 'device API',
      summary: 'The last ten pushes to the calling device, and what would help',
      description: 'Answers apps that are too old, too.',
      answers: { 200: { description: 'The pushes, newest first.', schema: ownPushReportBody } },
      refusals: ['not_found'],
    }),
    async (request) => {
      const report = await useCases.readOwnPushes(proofOf(request))
      return isRefusal(report) ? report : shownOwnReport(report)
    },
  )
}

function test(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'POST /device/v1/self/test-push',
    proof('possession', {
      operationId: 'pushOwnTest',
      tag: 'device API',
      summary: 'Send a harmless push to the calling device',
      description:
        'Says "notifications reach this device"; once in 10 s, five times within an hour, the ' +
        'test pushes of admins counted as well. Its outcome is in GET /device/v1/self/pushes.',
      answers: { 202: { description: 'The push is queued.', schema: testPushBody } },
      refusals: [
        'no_push_token',
        'user_suspended',
        'push_locked',
        'pushes_paused',
        'test_push_too_soon',
        'proof_replayed',
        'not_found',
        'conflict',
      ],
    }),
    (request) => useCases.pushOwnTest(proofOf(request)),
  )
}

function receive(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'POST /device/v1/pushes/:id/received',
    proof('possession', {
      operationId: 'confirmTestPush',
      tag: 'device API',
      summary: 'Confirm that a test push has arrived',
      params: idParams('id', 'delivery', 'The push: `pid` of its payload.'),
      answers: { 204: nothing('The first receipt counts.') },
      refusals: ['proof_replayed'],
    }),
    (request) => useCases.confirmTestPush(proofOf(request), request.params.id),
  )
}
