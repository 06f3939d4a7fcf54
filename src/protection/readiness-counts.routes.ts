import { z } from 'zod'
import type { unreadyReasons } from '../domain/readiness-counts.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const count = (description: string) => z.uint32().meta({ description, example: 12 })

const readinessCountsBody = z
  .object({
    users: count('All of them.'),
    ready: z.object({
      push: count('Would be woken by a push.'),
      pull: count(
        'Would find the challenge by opening the app: no push token, or pushes are paused.',
      ),
    }),
    notReady: z.object({
      user_suspended: count('Stopped by an admin.'),
      push_locked: count('Locked after wrong numbers or a report.'),
      off_for_everybody: count('The policy allows push sign-in to nobody.'),
      off_for_user: count('Turned off for the user.'),
      user_not_listed: count('Not among the users that the policy allows it to.'),
      user_not_reached: count('Has no device, and the roll-out is not there yet.'),
      no_device: count('May enroll, and has no active device.'),
      no_capable_device: count('Has a device, but none that may be asked.'),
    } satisfies Record<(typeof unreadyReasons)[number], z.ZodType>),
  })
  .meta({ id: 'ReadinessCounts', description: 'How many users could be asked at this moment.' })

/** How many users could be asked. */
export function readinessCountRoutes(
  app: HttpApp,
  { useCases, key }: Options,
  done: () => void,
): void {
  route(
    app,
    'GET /v1/readiness',
    key('users:read', {
      operationId: 'countReadiness',
      tag: 'users',
      summary: 'How many users could be asked at this moment, and why not the others',
      description:
        'Users with a name in the namespaces of the relying party, each counted once, by the ' +
        'first reason that applies to an unknown initiator; budgets of pushes are left out. It ' +
        'reads all of them: for a dashboard, not for each sign-in.',
      answers: { 200: { description: 'The counts.', schema: readinessCountsBody } },
    }),
    (request) => useCases.countReady(principalOf(request)),
  )
  done()
}
