import { isRefusal } from '../../domain/refusal.ts'
import type { Bound } from '../../platform/bound.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { route } from '../../platform/http/route.ts'
import { idParams } from '../../platform/http/schemas/ids.ts'
import { principalOf } from '../../tenants/api-key.guard.ts'
import type { ServerOptions } from '../../tenants/server.http.ts'
import { portalLinkBody } from '../portal.schemas.ts'
import type * as useCases from '../use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

/** Links to the portal, for relying parties. */
export function portalLinkRoutes(app: HttpApp, { useCases, key }: Options, done: () => void): void {
  route(
    app,
    'POST /v1/users/:userId/portal-sessions',
    key('devices:write', {
      operationId: 'createPortalLink',
      tag: 'portal',
      summary: 'Create a link with which a user manages their devices in a browser',
      description:
        'Works once, for fifteen minutes. Anyone who opens it can unregister the devices ' +
        'of the user: identify the user first, by another factor than the lost phone.',
      params: idParams('userId', 'user', 'The user.'),
      answers: { 201: { description: 'The link, readable this once.', schema: portalLinkBody } },
      refusals: ['user_suspended'],
    }),
    async (request) => {
      const link = await useCases.createPortalLink(principalOf(request), request.params.userId)
      return isRefusal(link) ? link : link
    },
  )
  done()
}
