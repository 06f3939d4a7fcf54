import type { z } from 'zod'
import { isRefusal } from '../../domain/refusal.ts'
import type { Bound } from '../../platform/bound.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { nothing } from '../../platform/http/operation.ts'
import { logoPath } from '../../platform/http/pages/page-brand.ts'
import { route } from '../../platform/http/route.ts'
import { principalOf } from '../api-key.guard.ts'
import type { ServerOptions } from '../server.http.ts'
import type * as useCases from '../use-cases.ts'
import { brandingBody, newBranding } from './branding.schemas.ts'
import type { Branding } from './branding.store.ts'

type Options = ServerOptions<
  Pick<Bound<typeof useCases>, 'readBranding' | 'replaceBranding' | 'removeBranding'>
>

const answers = { 200: { description: 'The branding.', schema: brandingBody } } as const

/** How the hosted pages of the tenant look. */
export function brandingRoutes(app: HttpApp, options: Options, done: () => void): void {
  read(app, options)
  replace(app, options)
  remove(app, options)
  done()
}

function toBody(branding: Branding): z.output<typeof brandingBody> {
  const { tenantId, displayName, accent, help, logo, updatedAt } = branding
  return {
    ...{ displayName, accent, help, updatedAt },
    logo: logo && {
      path: `${logoPath(tenantId)}?v=${logo.hash}`,
      type: logo.type,
      width: logo.width,
      height: logo.height,
    },
  }
}

function read(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/branding',
    key('admin', {
      operationId: 'readBranding',
      tag: 'administration',
      summary: 'How the hosted pages of the tenant look',
      answers,
      refusals: ['not_found'],
    }),
    async (request) => {
      const branding = await useCases.readBranding(principalOf(request).tenantId)
      return isRefusal(branding) ? branding : toBody(branding)
    },
  )
}

function replace(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'PUT /v1/branding',
    key('admin', {
      operationId: 'replaceBranding',
      tag: 'administration',
      summary: 'Set how the hosted pages of the tenant look',
      description:
        'Replaces all of it: a logo that is left out is removed. On the pages from the next ' +
        'request on. Recorded.',
      body: newBranding,
      answers,
    }),
    async (request) => {
      const { tenantId, keyId } = principalOf(request)
      const { logo, ...rest } = request.body
      const bytes = logo === null ? null : Buffer.from(logo, 'base64')
      const command = { ...rest, logo: bytes }
      const branding = await useCases.replaceBranding(tenantId, command, `api_key:${keyId}`)
      return isRefusal(branding) ? branding : toBody(branding)
    },
  )
}

function remove(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'DELETE /v1/branding',
    key('admin', {
      operationId: 'removeBranding',
      tag: 'administration',
      summary: 'Let the hosted pages of the tenant look like ours again',
      answers: { 204: nothing('The branding is removed.') },
      refusals: ['not_found'],
    }),
    (request) => {
      const { tenantId, keyId } = principalOf(request)
      return useCases.removeBranding(tenantId, `api_key:${keyId}`)
    },
  )
}
