import { z } from 'zod'
import { isRefusal } from '../../domain/refusal.ts'
import type { Bound } from '../../platform/bound.ts'
import type { Admission } from '../../platform/http/admission.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { publicOperation } from '../../platform/http/operation.ts'
import { logoPath } from '../../platform/http/pages/page-brand.ts'
import { route } from '../../platform/http/route.ts'
import { idParams } from '../../platform/http/schemas/ids.ts'
import { shownText } from '../../platform/http/schemas/text.ts'
import type * as useCases from '../use-cases.ts'

export type LogoOptions = {
  readonly useCases: Pick<Bound<typeof useCases>, 'readLogo'>
  readonly admission: Pick<Admission, 'lookUp'>
}

const query = z.strictObject({
  v: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .exactOptional()
    .meta({ description: 'SHA-256 of the bytes, as the pages name them.' }),
})

// Were the bytes ever taken for a document, it could do nothing.
const policy = "default-src 'none'; sandbox; frame-ancestors 'none'"

/** The logo of a tenant, as its hosted pages show it. */
export function logoRoutes(
  app: HttpApp,
  { useCases, admission }: LogoOptions,
  done: () => void,
): void {
  route(
    app,
    `GET ${logoPath(':tenantId')}` as `GET /${string}`,
    publicOperation({
      operationId: 'readLogo',
      tag: 'administration',
      summary: 'The logo of a tenant, as its hosted pages show it',
      params: idParams('tenantId', 'tenant', 'The tenant.'),
      querystring: query,
      answers: { 200: { description: 'The image.', schema: shownText('PNG...'), type: 'image/*' } },
      refusals: ['too_many_requests'],
    }),
    async (request, reply) => {
      const { tenantId } = request.params
      const reading = () => useCases.readLogo(tenantId)
      const logo = await admission.lookUp(request.ip, ['logo', tenantId], reading)
      if (isRefusal(logo)) return logo
      const { hash, type, bytes } = logo
      return reply
        .headers({
          // Under the name of its bytes it never changes.
          'cache-control':
            request.query.v === hash ? 'public, max-age=31536000, immutable' : 'no-cache',
          'content-security-policy': policy,
          'cross-origin-resource-policy': 'same-origin',
        })
        .type(type)
        .send(Buffer.from(bytes))
    },
  )
  done()
}
