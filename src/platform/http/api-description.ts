// What the routes say of themselves, kept until somebody asks for the description of the API.

import type { HttpApp } from './http-app.ts'
import type { DescribedRoute, WebhookDescription } from './openapi.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The description of the API in OpenAPI, written when first asked for. */
    describeApi(): Promise<object>
  }
}

/**
 * Must be called before the routes that are to be described are registered. What writes the
 * description is loaded when first asked for: most processes never are.
 */
export function describeRoutes(app: HttpApp, webhooks: readonly WebhookDescription[]): void {
  const routes: DescribedRoute[] = []
  app.addHook('onRoute', ({ method, url, schema }) => {
    routes.push({ method, url, ...(schema && { schema }) })
  })
  let documentPromise: Promise<object> | undefined
  app.decorate('describeApi', () => {
    documentPromise ??= writeDescription(routes, webhooks).catch((error: unknown) => {
      documentPromise = undefined
      throw error
    })
    return documentPromise
  })
}

async function writeDescription(
  routes: readonly DescribedRoute[],
  webhooks: readonly WebhookDescription[],
): Promise<object> {
  const { writeOpenApi } = await import('./openapi.ts')
  return writeOpenApi(routes, webhooks)
}
