import { isRefusal } from '../../../domain/refusal.ts'
import type { HttpApp } from '../../http-app.ts'
import { principalOf } from '../../plugins/api-key.ts'
import { route } from '../../route.ts'
import { idParams } from '../../schemas/ids.ts'
import { portalLinkBody } from '../../schemas/portal.ts'
import type { ServerOptions } from './server-options.ts'

/** Links to the portal, for relying parties. */
export function portalLinkRoutes(
  app: HttpApp,
  { useCases, key }: ServerOptions,
  done: () => void,
): void {
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
