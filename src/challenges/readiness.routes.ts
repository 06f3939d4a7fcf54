import { z } from 'zod'
import { numberModes } from '../domain/number-match.ts'
import { askMethods, deviceUnaskedReasons } from '../domain/readiness.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { suppressionReason, userVerification } from '../platform/http/schemas/enumerations.ts'
import { idParams, shownId } from '../platform/http/schemas/ids.ts'
import { shownText } from '../platform/http/schemas/text.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const userParams = idParams('userId', 'user', 'The user.')

const readinessQuery = z.strictObject({
  userVerification: userVerification
    .default('preferred')
    .meta({ description: 'What the challenge would ask for.' }),
  number: z
    .enum(numberModes)
    .exclude(['caller'])
    .default('service')
    .meta({ description: 'Whether a number would be typed.' }),
})

const readinessBody = z
  .object({
    methods: z
      .array(z.enum(askMethods))
      .readonly()
      .meta({
        description:
          'Ways in which the user can be asked, the preferred one first: `pull` is ' +
          'opening the app.',
      }),
    refusal: z.string().nullable().meta({
      description: 'Code with which a creation would be refused; null when it would not.',
    }),
    retryAfterSeconds: z
      .number()
      .nullable()
      .meta({ description: 'After this time it may change by itself.', example: null }),
    suppressed: suppressionReason.nullable().meta({
      description: 'Why no phone would be woken, as a challenge says it; null when one would be.',
      example: null,
    }),
    devices: z
      .array(
        z.object({
          deviceId: shownId('device', 'The device.'),
          name: shownText("Ada's phone"),
          mayAnswer: z.boolean().meta({ example: true }),
          hasPushToken: z.boolean().meta({ example: true }),
          whyNot: z
            .enum(deviceUnaskedReasons)
            .exclude(['user_suspended', 'push_locked'])
            .nullable()
            .meta({
              description: 'Why it would not be asked; null when it would be.',
              example: null,
            }),
        }),
      )
      .readonly(),
  })
  .meta({
    id: 'Readiness',
    description: 'What would happen to a challenge created at this moment.',
  })

/** Whether a user can be asked. */
export function readinessRoutes(app: HttpApp, { useCases, key }: Options, done: () => void): void {
  route(
    app,
    'GET /v1/users/:userId/readiness',
    key('users:read', {
      operationId: 'readUserReadiness',
      tag: 'users',
      summary: 'Whether and how a user can be asked at this moment',
      description:
        'Decided by the rules of creation, without creating anything, as for an unknown initiator.',
      params: userParams,
      querystring: readinessQuery,
      answers: { 200: { description: 'What would happen.', schema: readinessBody } },
      refusals: ['number_none_not_allowed'],
    }),
    async (request) => {
      const command = { userId: request.params.userId, ...request.query }
      return useCases.readReadiness(principalOf(request), command)
    },
  )
  done()
}
