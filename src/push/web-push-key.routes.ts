import { z } from 'zod'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { Admission } from '../platform/http/admission.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { publicOperation } from '../platform/http/operation.ts'
import { route } from '../platform/http/route.ts'
import { shownText } from '../platform/http/schemas/text.ts'
import type * as useCases from './use-cases.ts'

const webPushKey = z
  .object({
    publicKey: shownText(
      'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
      'The `applicationServerKey` of `pushManager.subscribe`, in base64url.',
    ),
  })
  .meta({ id: 'WebPushKey', description: 'The VAPID key of this installation (RFC 8292).' })

// A subscription under the former key stays good: it is pushed under that one.
const cacheControl = 'public, max-age=300'

export type WebPushKeyOptions = {
  readonly useCases: Pick<Bound<typeof useCases>, 'readWebPushKey'>
  readonly admission: Pick<Admission, 'lookUp'>
}

/** The key that browsers need before they can subscribe. */
export function webPushKeyRoutes(
  app: HttpApp,
  { useCases, admission }: WebPushKeyOptions,
  done: () => void,
): void {
  route(
    app,
    'GET /device/v1/web-push-key',
    publicOperation({
      operationId: 'readWebPushKey',
      tag: 'device API',
      summary: 'The key under which a browser subscribes to pushes',
      description:
        'No `Device-Proof`. A subscription that was made under another key is made again under ' +
        'this one, and sent by `PUT /device/v1/push-token`; until then its pushes go on.',
      answers: { 200: { description: 'The key.', schema: webPushKey } },
      refusals: ['too_many_requests'],
    }),
    async (request, reply) => {
      const reading = () => useCases.readWebPushKey()
      const key = await admission.lookUp(request.ip, ['web_push_key'], reading)
      if (isRefusal(key)) return key
      return reply.header('cache-control', cacheControl).send(key)
    },
  )
  done()
}
